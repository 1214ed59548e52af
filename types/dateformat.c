/* dateformat.c - to_char, to_date and to_timestamp with templates. */
#include "common/settings.h"
#include "types/datetime.h"
#include "types/kernel.h"
#include "types/textfn.h"
#include <stdio.h>
#include <stdlib.h>

typedef enum FieldId {
    F_AD, F_A_D, F_AM, F_A_M, F_CC, F_DAY, F_DDD, F_DD, F_DY, F_D, F_FF, F_FX, F_HH24, F_HH12, F_IDDD, F_ID, F_IW,
    F_IYYYY, F_J, F_MI, F_MM, F_MONTH, F_MON, F_MS, F_OF, F_Q, F_RM, F_SSSS, F_SS, F_TZH, F_TZM, F_TZ, F_US, F_WW,
    F_W, F_Y_YYY, F_YYYY
} FieldId;

typedef enum LetterCase { UPPER, CAPITAL, LOWER } LetterCase;

/* Fields by name; upper or lower case throughout, or capitalised where CAPITAL is set. Longer ones first. */
typedef struct Field {
    const char *name;
    uint8_t id, arg; /* arg: digits of FFn and of years */
    bool is_digit, has_capital;
} Field;

static const Field fields[] = {
    {"A.D.", F_A_D, 0, false, false},   {"A.M.", F_A_M, 0, false, false}, {"AD", F_AD, 0, false, false},
    {"AM", F_AM, 0, false, false},      {"B.C.", F_A_D, 0, false, false}, {"BC", F_AD, 0, false, false},
    {"CC", F_CC, 0, true, false},       {"DAY", F_DAY, 0, false, true},   {"DDD", F_DDD, 0, true, false},
    {"DD", F_DD, 0, true, false},       {"DY", F_DY, 0, false, true},     {"D", F_D, 0, true, false},
    {"FF1", F_FF, 1, true, false},      {"FF2", F_FF, 2, true, false},    {"FF3", F_FF, 3, true, false},
    {"FF4", F_FF, 4, true, false},      {"FF5", F_FF, 5, true, false},    {"FF6", F_FF, 6, true, false},
    {"FX", F_FX, 0, false, false},      {"HH24", F_HH24, 0, true, false}, {"HH12", F_HH12, 0, true, false},
    {"HH", F_HH12, 0, true, false},     {"IDDD", F_IDDD, 0, true, false}, {"ID", F_ID, 0, true, false},
    {"IW", F_IW, 0, true, false},       {"IYYY", F_IYYYY, 4, true, false}, {"IYY", F_IYYYY, 3, true, false},
    {"IY", F_IYYYY, 2, true, false},    {"I", F_IYYYY, 1, true, false},   {"J", F_J, 0, true, false},
    {"MI", F_MI, 0, true, false},       {"MM", F_MM, 0, true, false},     {"MONTH", F_MONTH, 0, false, true},
    {"MON", F_MON, 0, false, true},     {"MS", F_MS, 0, true, false},     {"OF", F_OF, 0, false, false},
    {"P.M.", F_A_M, 0, false, false},   {"PM", F_AM, 0, false, false},    {"Q", F_Q, 0, true, false},
    {"RM", F_RM, 0, false, false},      {"SSSSS", F_SSSS, 0, true, false}, {"SSSS", F_SSSS, 0, true, false},
    {"SS", F_SS, 0, true, false},       {"TZH", F_TZH, 0, false, false},  {"TZM", F_TZM, 0, true, false},
    {"TZ", F_TZ, 0, false, false},      {"US", F_US, 0, true, false},     {"WW", F_WW, 0, true, false},
    {"W", F_W, 0, true, false},         {"Y,YYY", F_Y_YYY, 0, true, false}, {"YYYY", F_YYYY, 4, true, false},
    {"YYY", F_YYYY, 3, true, false},    {"YY", F_YYYY, 2, true, false},   {"Y", F_YYYY, 1, true, false},
};

enum { SUFFIX_FM = 1, SUFFIX_TM = 2, SUFFIX_TH_UPPER = 4, SUFFIX_TH_LOWER = 8 };

typedef enum ItemKind { ITEM_FIELD, ITEM_TEXT, ITEM_SEPARATOR, ITEM_SPACE } ItemKind;

typedef struct Item {
    uint8_t kind, suffix, letters, nbytes;
    const Field *field;
    char text[4]; /* one character */
} Item;

typedef struct Template {
    Item *items;
    int n;
} Template;

static bool
starts(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

/* Whether the field's name stands at p in the letter case given. */
static bool
field_at(const Field *f, const char *p, const char *end, LetterCase letters)
{
    size_t n = strlen(f->name);
    if ((size_t)(end - p) < n) return false;
    for (size_t i = 0; i < n; i++) {
        char c = letters == UPPER || (letters == CAPITAL && i == 0) ? f->name[i] : ascii_lower(f->name[i]);
        if (p[i] != c) return false;
    }
    return true;
}

static const Field *
find_field(const char *p, const char *end, LetterCase *letters)
{
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        for (int k = UPPER; k <= LOWER; k++) {
            if (k == CAPITAL && !fields[i].has_capital) continue;
            if (field_at(&fields[i], p, end, (LetterCase)k)) {
                *letters = (LetterCase)k;
                return &fields[i];
            }
        }
    return NULL;
}

static bool
is_separator(char c)
{
    return c > ' ' && c < 0x7F && !ascii_is_alpha(c) && !ascii_is_digit(c);
}

static void
add_char(Template *t, const char **p, const char *end, ItemKind kind)
{
    int n = utf8_char_bytes((unsigned char)**p);
    if (n > end - *p) n = 1;
    Item *item = &t->items[t->n++];
    *item = (Item){.kind = (uint8_t)kind, .nbytes = (uint8_t)n};
    memcpy(item->text, *p, (size_t)n);
    *p += n;
}

static Status
template_parse(Ctx *ctx, Arena *arena, const Str *s, Template *out)
{
    const char *p = str_data(s), *end = p + s->len;
    TRY_ALLOC(ctx, out->items, ARENA_ARRAY(arena, Item, s->len + 1));
    out->n = 0;
    while (p < end) {
        uint8_t suffix = 0;
        LetterCase letters;
        if (starts(p, end, "FM") || starts(p, end, "fm"))
            suffix = SUFFIX_FM, p += 2;
        else if (starts(p, end, "TM") || starts(p, end, "tm"))
            suffix = SUFFIX_TM, p += 2;
        if (p == end) break;
        const Field *f = find_field(p, end, &letters);
        if (f != NULL) {
            p += strlen(f->name);
            if (starts(p, end, "TH"))
                suffix |= SUFFIX_TH_UPPER, p += 2;
            else if (starts(p, end, "th"))
                suffix |= SUFFIX_TH_LOWER, p += 2;
            else if (starts(p, end, "SP"))
                p += 2; /* spelled numbers were never made */
            out->items[out->n++] =
                (Item){.kind = ITEM_FIELD, .suffix = suffix, .letters = (uint8_t)letters, .field = f};
        } else if (*p == '"') {
            for (p++; p < end && *p != '"';) {
                if (*p == '\\' && p + 1 < end) p++;
                add_char(out, &p, end, ITEM_TEXT);
            }
            if (p < end) p++;
        } else {
            if (*p == '\\' && p + 1 < end && p[1] == '"') p++;
            add_char(out, &p, end, is_separator(*p) ? ITEM_SEPARATOR : ascii_is_space(*p) ? ITEM_SPACE : ITEM_TEXT);
        }
    }
    return QN_OK;
}

/* Values that are printed. Intervals have no calendar: year, month, day are counts. */
typedef struct Broken {
    int64_t year, hour;
    int month, day, minute, second, us;
    int yday, wday;
    bool is_interval;
    const char *zone; /* abbreviation; NULL: no zone known */
    int32_t offset;
} Broken;

static const char *const roman[12] = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

static void
add_cased(StrBuf *b, const char *s, size_t nbytes, LetterCase letters, int width)
{
    for (size_t i = 0; i < nbytes; i++)
        strbuf_addc(b, letters == UPPER ? ascii_upper(s[i]) : letters == LOWER ? ascii_lower(s[i]) : s[i]);
    for (int i = (int)nbytes; i < width; i++) strbuf_addc(b, ' ');
}

/* A number padded with zeros, which FM leaves out; a minus takes one place more. */
static void
add_number(StrBuf *b, const Item *item, int64_t v, int width)
{
    size_t from = b->nbytes;
    FieldId id = (FieldId)item->field->id;
    bool sign_inside = id == F_DD || id == F_DDD || id == F_WW;
    if (item->suffix & SUFFIX_FM) width = 0;
    strbuf_addf(b, "%0*lld", width + (v < 0 && width > 0 && !sign_inside), (long long)v);
    if (!(item->suffix & (SUFFIX_TH_UPPER | SUFFIX_TH_LOWER)) || b->failed) return;
    char last = b->data[b->nbytes - 1], before = b->nbytes - from > 1 ? b->data[b->nbytes - 2] : '0';
    const char *th = before == '1' ? "TH" : last == '1' ? "ST" : last == '2' ? "ND" : last == '3' ? "RD" : "TH";
    add_cased(b, th, 2, item->suffix & SUFFIX_TH_UPPER ? UPPER : LOWER, 0);
}

static int64_t
shown_year(const Broken *t, int64_t year)
{
    return t->is_interval || year > 0 ? year : 1 - year;
}

static Status
not_for_interval(Ctx *ctx)
{
    return err_hint(ctx, RAISE(ctx, ERR_INVALID_DATETIME_FORMAT, "invalid format specification for an interval value"),
                    "Intervals are not tied to specific calendar dates.");
}

static void
add_era_or_half(StrBuf *b, const Item *item, const char *letters2, bool dotted)
{
    char text[5];
    if (dotted)
        text[0] = letters2[0], text[1] = '.', text[2] = letters2[1], text[3] = '.', text[4] = '\0';
    else
        text[0] = letters2[0], text[1] = letters2[1], text[2] = '\0';
    add_cased(b, text, strlen(text), item->letters == LOWER ? LOWER : UPPER, 0);
}

static void
add_offset(StrBuf *b, const Item *item, int32_t offset)
{
    int32_t a = abs(offset);
    strbuf_addf(b, "%c%0*d", offset < 0 ? '-' : '+', item->suffix & SUFFIX_FM ? 0 : 2, a / 3600);
    if (a / 60 % 60 != 0) strbuf_addf(b, ":%02d", a / 60 % 60);
}

static Status
add_field(Ctx *ctx, StrBuf *b, const Item *item, const Broken *t)
{
    static const int pow10[7] = {1, 10, 100, 1000, 10000, 100000, 1000000};
    bool fm = (item->suffix & (SUFFIX_FM | SUFFIX_TM)) != 0;
    LetterCase letters = (LetterCase)item->letters;
    int64_t hour12 = t->hour % 12 == 0 ? 12 : t->hour % 12, v;
    int iso_year;
    switch ((FieldId)item->field->id) {
    case F_A_M:
    case F_AM: add_era_or_half(b, item, t->hour % 24 >= 12 ? "PM" : "AM", item->field->id == F_A_M); break;
    case F_A_D:
    case F_AD:
        if (t->is_interval) return not_for_interval(ctx);
        add_era_or_half(b, item, t->year <= 0 ? "BC" : "AD", item->field->id == F_A_D);
        break;
    case F_HH12: add_number(b, item, hour12, 2); break;
    case F_HH24: add_number(b, item, t->hour, 2); break;
    case F_MI: add_number(b, item, t->minute, 2); break;
    case F_SS: add_number(b, item, t->second, 2); break;
    case F_FF: {
        Item plain = *item;
        plain.suffix &= (uint8_t)~SUFFIX_FM;
        add_number(b, &plain, t->us / pow10[6 - item->field->arg], item->field->arg);
        break;
    }
    case F_MS: {
        Item plain = *item;
        plain.suffix &= (uint8_t)~SUFFIX_FM;
        add_number(b, &plain, t->us / 1000, 3);
        break;
    }
    case F_US: {
        Item plain = *item;
        plain.suffix &= (uint8_t)~SUFFIX_FM;
        add_number(b, &plain, t->us, 6);
        break;
    }
    case F_SSSS: add_number(b, item, t->hour * 3600 + t->minute * 60 + t->second, 0); break;
    case F_TZ:
        if (t->is_interval) return not_for_interval(ctx);
        if (t->zone != NULL) add_cased(b, t->zone, strlen(t->zone), letters == LOWER ? LOWER : CAPITAL, 0);
        break;
    case F_TZH:
        if (t->is_interval) return not_for_interval(ctx);
        strbuf_addf(b, "%c%02d", t->offset < 0 ? '-' : '+', abs(t->offset) / 3600);
        break;
    case F_TZM:
        if (t->is_interval) return not_for_interval(ctx);
        strbuf_addf(b, "%02d", abs(t->offset) / 60 % 60);
        break;
    case F_OF:
        if (t->is_interval) return not_for_interval(ctx);
        add_offset(b, item, t->offset);
        break;
    case F_MONTH:
    case F_MON: {
        if (t->is_interval) return not_for_interval(ctx);
        const char *name = month_names[t->month - 1];
        bool full = item->field->id == F_MONTH;
        add_cased(b, name, full ? strlen(name) : 3, letters, full && !fm ? 9 : 0);
        break;
    }
    case F_DAY:
    case F_DY: {
        if (t->is_interval) return not_for_interval(ctx);
        const char *name = weekday_names[t->wday];
        bool full = item->field->id == F_DAY;
        add_cased(b, name, full ? strlen(name) : 3, letters, full && !fm ? 9 : 0);
        break;
    }
    case F_MM: add_number(b, item, t->month, 2); break;
    case F_DD: add_number(b, item, t->day, 2); break;
    case F_DDD: add_number(b, item, t->yday, 3); break;
    case F_D:
        if (t->is_interval) return not_for_interval(ctx);
        add_number(b, item, t->wday + 1, 0);
        break;
    case F_ID:
        if (t->is_interval) return not_for_interval(ctx);
        add_number(b, item, t->wday == 0 ? 7 : t->wday, 0);
        break;
    case F_WW: add_number(b, item, (t->yday - 1) / 7 + 1, 2); break;
    case F_W: add_number(b, item, (t->day - 1) / 7 + 1, 0); break;
    case F_Q:
        if (t->month != 0) add_number(b, item, (t->month - 1) / 3 + 1, 0);
        break;
    case F_IDDD:
    case F_IW:
    case F_IYYYY: {
        int year = (int)t->year, month = t->month, day = t->day; /* an interval's month 0 is the December before */
        int week = iso_week_of(year, month, day, &iso_year);
        if (item->field->id == F_IW) {
            add_number(b, item, week, 2);
        } else if (item->field->id == F_IDDD) {
            add_number(b, item, days_from_civil(year, month, day) - iso_week_start(iso_year, 1) + 1, 3);
        } else {
            v = shown_year(t, iso_year);
            add_number(b, item, item->field->arg == 4 ? v : v % pow10[item->field->arg], item->field->arg);
        }
        break;
    }
    case F_CC:
        v = t->is_interval ? t->year / 100 : t->year > 0 ? (t->year - 1) / 100 + 1 : t->year / 100 - 1;
        add_number(b, item, v, v >= -99 && v <= 99 ? 2 : 0);
        break;
    case F_Y_YYY: {
        int64_t year = shown_year(t, t->year);
        strbuf_addf(b, "%lld,", (long long)(year / 1000));
        Item plain = *item;
        plain.suffix &= (uint8_t)~SUFFIX_FM;
        add_number(b, &plain, year % 1000, 3);
        break;
    }
    case F_YYYY:
        v = shown_year(t, t->year);
        add_number(b, item, item->field->arg == 4 ? v : v % pow10[item->field->arg], item->field->arg);
        break;
    case F_J:
        add_number(b, item, days_from_civil(t->year, t->month, t->day) + EPOCH_JULIAN, 0);
        break;
    case F_RM:
        if (t->month > 0) {
            const char *r = roman[t->month - 1];
            add_cased(b, r, strlen(r), letters, fm ? 0 : 4);
        } else if (t->month < 0) {
            const char *r = roman[12 + t->month];
            add_cased(b, r, strlen(r), letters, fm ? 0 : 4);
        } else if (t->year != 0) {
            add_cased(b, "XII", 3, letters, fm ? 0 : 4);
        }
        break;
    case F_FX: break;
    }
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

static Status
print(KernelCall *call, int row, const Template *tmpl, const Broken *t)
{
    StrBuf b = strbuf_new(call->arena);
    for (int i = 0; i < tmpl->n; i++) {
        const Item *item = &tmpl->items[i];
        if (item->kind == ITEM_FIELD)
            TRY(add_field(call->ctx, &b, item, t));
        else
            strbuf_add(&b, item->text, item->nbytes);
    }
    return out_text(call, row, &b);
}

static void
break_timestamp(int64_t local, Broken *t)
{
    DateTime dt;
    datetime_from_timestamp(local, &dt);
    int64_t days = floor_div(local, USECS_PER_DAY);
    *t = (Broken){.year = dt.year, .hour = dt.hour, .month = dt.month, .day = dt.day, .minute = dt.minute,
                  .second = dt.second, .us = dt.us, .wday = weekday_of(days),
                  .yday = (int)(days - days_from_civil(dt.year, 1, 1)) + 1};
}

static void
break_interval(const Interval *iv, Broken *t)
{
    int64_t us = iv->us;
    *t = (Broken){.is_interval = true, .year = iv->months / 12, .month = iv->months % 12, .day = iv->days};
    t->hour = us / USECS_PER_HOUR;
    us %= USECS_PER_HOUR;
    t->minute = (int)(us / USECS_PER_MINUTE);
    us %= USECS_PER_MINUTE;
    t->second = (int)(us / USECS_PER_SEC);
    t->us = (int)(us % USECS_PER_SEC);
    t->yday = (int)(t->year * 12 + t->month) * DAYS_PER_MONTH + t->day;
}

/* The template of the row; one parse serves all rows of a constant. */
static Status
row_template(KernelCall *call, int a, int row, Template *tmpl)
{
    if (tmpl->items != NULL && arg_is_const(call, a)) return QN_OK;
    return template_parse(call->ctx, call->arena, &ARG(call, a, Str, row), tmpl);
}

static Status
to_char_kernel(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    Template tmpl = {0};
    Oid type = call->args[0]->type;
    ROWS (call, i) {
        Broken t;
        int64_t at = type == TYPE_INTERVAL ? 0 : ARG(call, 0, int64_t, i);
        if (ARG(call, 1, Str, i).len == 0 || !TIMESTAMP_IS_FINITE(at)) {
            out_set_null(call, i);
            continue;
        }
        TRY(row_template(call, 1, i, &tmpl));
        if (type == TYPE_INTERVAL) {
            Interval iv = ARG(call, 0, Interval, i);
            break_interval(&iv, &t);
        } else if (type == TYPE_TIMESTAMPTZ) {
            const char *abbrev;
            int32_t offset = zone_offset_at(tz, at, &abbrev);
            break_timestamp(at + offset * USECS_PER_SEC, &t);
            t.offset = offset;
            t.zone = abbrev;
        } else {
            break_timestamp(at, &t);
        }
        TRY(print(call, i, &tmpl, &t));
    }
    return QN_OK;
}

Status fn_timestamp_to_char(KernelCall *call) { return to_char_kernel(call); }
Status fn_timestamptz_to_char(KernelCall *call) { return to_char_kernel(call); }
Status fn_interval_to_char(KernelCall *call) { return to_char_kernel(call); }

/* Reading. */

typedef enum DateMode { MODE_NONE, MODE_GREGORIAN, MODE_ISO } DateMode;

typedef struct Reader {
    Ctx *ctx;
    const char *text, *p, *end;
    const Template *tmpl;
    bool fx;
    DateMode mode;
    int hour, minute, second, ssss, d, dd, ddd, month, ms, year, bc, ww, w, cc, julian, us;
    int year_digits;
    bool clock12, pm, has_zone;
    int tz_sign, tz_hour, tz_minute;
    int precision; /* of FFn, 0: none given */
    int extra;     /* characters skipped before the field beyond the template's */
    char name[8];  /* name_of */
} Reader;

/* The field's name as the template wrote it. */
static const char *
name_of(Reader *r, const Item *item)
{
    const char *name = item->field->name;
    size_t n = strlen(name);
    for (size_t i = 0; i <= n; i++) {
        bool upper = item->letters == UPPER || (item->letters == CAPITAL && i == 0);
        r->name[i] = upper ? name[i] : ascii_lower(name[i]);
    }
    return r->name;
}

static Status
bad_value(Reader *r, const char *p, size_t n, const Item *item)
{
    return RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "invalid value \"%.*s\" for \"%s\"", (int)n, p,
                 name_of(r, item));
}

static const char fm_hint[] = "If your source string is not fixed-width, try using the \"FM\" modifier.";

/* Whether what follows the item in the template cannot be a digit of it. */
static bool
next_is_no_digit(const Reader *r, int i)
{
    const Item *item = &r->tmpl->items[i];
    if (item->suffix & (SUFFIX_TH_UPPER | SUFFIX_TH_LOWER)) return true;
    if (++i >= r->tmpl->n) return true;
    item++;
    if (item->kind == ITEM_FIELD) return !item->field->is_digit;
    return !(item->nbytes == 1 && ascii_is_digit(item->text[0]));
}

static void
skip_space(Reader *r)
{
    while (r->p < r->end && ascii_is_space(*r->p)) r->p++;
}

static Status
set_int(Reader *r, int *dest, int v, const Item *item)
{
    if (*dest != 0 && *dest != v)
        return err_detail(r->ctx,
                          RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT,
                                "conflicting values for \"%s\" field in formatting string", name_of(r, item)),
                          "This value contradicts a previous setting for the same field type.");
    *dest = v;
    return QN_OK;
}

/* An integer of len characters, or as many digits as there are where the template lets it end. */
static Status
read_int(Reader *r, int i, int len, int *dest, int *used_out)
{
    const Item *item = &r->tmpl->items[i];
    const char *start, *stop;
    bool open = (item->suffix & SUFFIX_FM) || next_is_no_digit(r, i), negative = false;
    int64_t v = 0;
    skip_space(r);
    start = r->p;
    stop = open || r->end - start < len ? r->end : start + len;
    if (!open && r->end - start < len)
        return err_hint(r->ctx,
                        err_detail(r->ctx,
                                   RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT,
                                         "source string too short for \"%s\" formatting field", name_of(r, item)),
                                   "Field requires %d characters, but only %d remain.", len, (int)(r->end - start)),
                        "%s", fm_hint);
    const char *p = start;
    while (p < stop && ascii_is_space(*p)) p++;
    if (p < stop && (*p == '-' || *p == '+')) negative = *p++ == '-';
    const char *digits = p;
    for (; p < stop && ascii_is_digit(*p); p++)
        if (v < (int64_t)1 << 40) v = v * 10 + (*p - '0');
    if (p == digits) p = start;
    size_t shown = (size_t)(r->end - start < len ? r->end - start : len);
    if (!open && p > start && p - start < len)
        return err_hint(r->ctx,
                        err_detail(r->ctx, bad_value(r, start, shown, item),
                                   "Field requires %d characters, but only %d could be parsed.", len,
                                   (int)(p - start)),
                        "%s", fm_hint);
    if (p == start) return err_detail(r->ctx, bad_value(r, start, shown, item), "Value must be an integer.");
    if (negative) v = -v;
    if (v > INT32_MAX || v < INT32_MIN)
        return err_detail(r->ctx,
                          RAISE(r->ctx, ERR_DATETIME_FIELD_OVERFLOW, "value for \"%s\" in source string is out of range",
                                name_of(r, item)),
                          "Value must be in the range %d to %d.", INT32_MIN, INT32_MAX);
    r->p = p;
    if (used_out != NULL) *used_out = (int)(p - start);
    return dest != NULL ? set_int(r, dest, (int)v, item) : QN_OK;
}

/* One of the words, whatever the case; *which its number. nbytes 0: whole words, else their first letters. */
static Status
read_word(Reader *r, const Item *item, const char *const *words, int nwords, int nbytes, int *which)
{
    size_t best = 0;
    for (int k = 0; k < nwords; k++) {
        size_t n = nbytes > 0 ? (size_t)nbytes : strlen(words[k]);
        if ((size_t)(r->end - r->p) >= n && ascii_ncasecmp(r->p, words[k], n) == 0 && n > best) {
            best = n;
            *which = k;
        }
    }
    if (best > 0) {
        r->p += best;
        return QN_OK;
    }
    size_t n = 0;
    while (r->p + n < r->end && !ascii_is_space(r->p[n])) n++;
    return err_detail(r->ctx, bad_value(r, r->p, n, item),
                      "The given value did not match any of the allowed values for this field.");
}

static Status
set_mode(Reader *r, DateMode mode)
{
    if (mode == MODE_NONE) return QN_OK;
    if (r->mode == MODE_NONE) r->mode = mode;
    if (r->mode != mode)
        return err_hint(r->ctx,
                        RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "invalid combination of date conventions"),
                        "Do not mix Gregorian and ISO week date conventions in a formatting template.");
    return QN_OK;
}

static DateMode
mode_of(FieldId id)
{
    switch (id) {
    case F_IDDD: case F_ID: case F_IW: case F_IYYYY: return MODE_ISO;
    case F_DDD: case F_DD: case F_D: case F_MM: case F_MONTH: case F_MON: case F_RM: case F_WW: case F_W:
    case F_Y_YYY: case F_YYYY: return MODE_GREGORIAN;
    default: return MODE_NONE;
    }
}

static int
near_2020(int year)
{
    return year < 70 ? year + 2000 : year < 100 ? year + 1900 : year < 520 ? year + 2000 : year < 1000 ? year + 1000 : year;
}

/* A fraction of a second in at most `digits` places: fewer digits are its first ones. */
static Status
read_fraction(Reader *r, int i, int digits, int unit, int *dest)
{
    int v = 0, used;
    TRY(read_int(r, i, digits, &v, &used));
    for (int k = used; k < unit; k++) v *= 10;
    *dest = v;
    return QN_OK;
}

static Status
read_field(Reader *r, int i)
{
    static const char *const halves[] = {"AM", "PM", "A.M.", "P.M."}, *const eras[] = {"BC", "AD", "B.C.", "A.D."};
    static const char *const romans[] = {"XII", "XI", "X", "IX", "VIII", "VII", "VI", "V", "IV", "III", "II", "I"};
    const Item *item = &r->tmpl->items[i];
    int len = (int)strlen(item->field->name), v = 0, used;
    FieldId id = (FieldId)item->field->id;
    TRY(set_mode(r, mode_of(id)));
    switch (id) {
    case F_FX: r->fx = true; return QN_OK;
    case F_AM:
    case F_A_M:
        TRY(read_word(r, item, id == F_AM ? halves : halves + 2, 2, 0, &v));
        r->pm = v == 1;
        r->clock12 = true;
        break;
    case F_AD:
    case F_A_D:
        TRY(read_word(r, item, id == F_AD ? eras : eras + 2, 2, 0, &v));
        r->bc = v == 0;
        break;
    case F_HH12:
        TRY(read_int(r, i, 2, &r->hour, NULL));
        r->clock12 = true;
        break;
    case F_HH24: TRY(read_int(r, i, 2, &r->hour, NULL)); break;
    case F_MI: TRY(read_int(r, i, len, &r->minute, NULL)); break;
    case F_SS: TRY(read_int(r, i, len, &r->second, NULL)); break;
    case F_MS: TRY(read_fraction(r, i, 3, 3, &r->ms)); break;
    case F_FF:
        r->precision = item->field->arg;
        TRY(read_fraction(r, i, item->field->arg, 6, &r->us));
        break;
    case F_US: TRY(read_fraction(r, i, 6, 6, &r->us)); break;
    case F_SSSS: TRY(read_int(r, i, len, &r->ssss, NULL)); break;
    case F_TZ:
    case F_OF:
        return RAISE(r->ctx, ERR_FEATURE_NOT_SUPPORTED, "formatting field \"%s\" is only supported in to_char",
                     name_of(r, item));
    case F_TZH:
        if (r->p < r->end && (*r->p == '+' || *r->p == '-' || *r->p == ' ')) {
            r->tz_sign = *r->p == '-' ? -1 : 1;
            r->p++;
        } else {
            /* The sign may have been taken for a separator. */
            r->tz_sign = r->extra > 0 && r->p > r->text && r->p[-1] == '-' ? -1 : 1;
        }
        TRY(read_int(r, i, 2, &r->tz_hour, NULL));
        r->has_zone = true;
        break;
    case F_TZM:
        if (r->tz_sign == 0) r->tz_sign = 1;
        TRY(read_int(r, i, 2, &r->tz_minute, NULL));
        r->has_zone = true;
        break;
    case F_MONTH:
        TRY(read_word(r, item, month_names, 12, 0, &v));
        TRY(set_int(r, &r->month, v + 1, item));
        break;
    case F_MON:
        TRY(read_word(r, item, month_names, 12, 3, &v));
        TRY(set_int(r, &r->month, v + 1, item));
        break;
    case F_DAY:
    case F_DY:
        TRY(read_word(r, item, weekday_names, 7, id == F_DY ? 3 : 0, &v));
        TRY(set_int(r, &r->d, v + 1, item));
        break;
    case F_RM:
        TRY(read_word(r, item, romans, 12, 0, &v));
        TRY(set_int(r, &r->month, 12 - v, item));
        break;
    case F_MM: TRY(read_int(r, i, len, &r->month, NULL)); break;
    case F_DDD: TRY(read_int(r, i, len, &r->ddd, NULL)); break;
    case F_IDDD: TRY(read_int(r, i, 3, &r->ddd, NULL)); break;
    case F_DD: TRY(read_int(r, i, len, &r->dd, NULL)); break;
    case F_D: TRY(read_int(r, i, len, &r->d, NULL)); break;
    case F_ID:
        TRY(read_int(r, i, 1, &r->d, NULL));
        if (++r->d > 7) r->d = 1; /* weeks of numbers begin on Sunday */
        break;
    case F_WW:
    case F_IW: TRY(read_int(r, i, len, &r->ww, NULL)); break;
    case F_W: TRY(read_int(r, i, len, &r->w, NULL)); break;
    case F_Q: TRY(read_int(r, i, len, NULL, NULL)); break;
    case F_CC: TRY(read_int(r, i, len, &r->cc, NULL)); break;
    case F_J: TRY(read_int(r, i, len, &r->julian, NULL)); break;
    case F_Y_YYY: {
        int thousands, rest = 0, n = 0;
        if (sscanf(r->p, "%9d,%3d%n", &thousands, &rest, &n) < 2)
            return RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "invalid input string for \"Y,YYY\"");
        if (thousands > INT32_MAX / 1000 - 1)
            return RAISE(r->ctx, ERR_DATETIME_FIELD_OVERFLOW, "value for \"Y,YYY\" in source string is out of range");
        TRY(set_int(r, &r->year, thousands * 1000 + rest, item));
        r->year_digits = 4;
        r->p += n;
        break;
    }
    case F_YYYY:
    case F_IYYYY:
        TRY(read_int(r, i, len, &v, &used));
        if (item->field->arg < 4 && used < 4) v = near_2020(v);
        TRY(set_int(r, &r->year, v, item));
        r->year_digits = item->field->arg;
        break;
    }
    if (item->suffix & (SUFFIX_TH_UPPER | SUFFIX_TH_LOWER))
        for (int k = 0; k < 2 && r->p < r->end; k++) r->p += utf8_char_bytes((unsigned char)*r->p);
    return QN_OK;
}

/* Walks template and text together. Outside of FX, spaces before fields are skipped, and a separator of the template
 * stands for one of the text or for none. */
static Status
read_all(Reader *r)
{
    int extra = 0; /* characters of the text skipped beyond the template's */
    for (int i = 0; i < r->tmpl->n && r->p < r->end; i++) {
        const Item *item = &r->tmpl->items[i];
        if (!r->fx && (item->kind == ITEM_FIELD || i == 0))
            for (; r->p < r->end && ascii_is_space(*r->p); r->p++) extra++;
        if (r->p == r->end) break;
        int n = utf8_char_bytes((unsigned char)*r->p);
        if (item->kind == ITEM_SPACE || item->kind == ITEM_SEPARATOR) {
            if (r->fx) {
                r->p += n;
            } else {
                extra--;
                if (ascii_is_space(*r->p) || is_separator(*r->p)) {
                    r->p++;
                    extra++;
                }
            }
            continue;
        }
        if (item->kind == ITEM_TEXT) {
            if (!r->fx && extra > 0)
                extra--;
            else
                r->p += n;
            continue;
        }
        r->extra = extra;
        TRY(read_field(r, i));
        if (!r->fx) {
            extra = 0;
            for (; r->p < r->end && ascii_is_space(*r->p); r->p++) extra++;
        }
    }
    return QN_OK;
}

static Status
field_overflow(Reader *r)
{
    return datetime_raise(r->ctx, DT_OVERFLOW, r->text, (size_t)(r->end - r->text), "timestamp");
}

static Status
year_of_parts(Reader *r, int *out, bool *known)
{
    *known = true;
    *out = 0;
    if (r->year != 0) {
        if (r->cc != 0 && r->year_digits <= 2) {
            int cc = r->bc ? -r->cc : r->cc, y = r->year % 100;
            if (y != 0)
                *out = cc >= 0 ? y + (cc - 1) * 100 : (cc + 1) * 100 - y + 1;
            else
                *out = cc * 100 + (cc >= 0 ? 0 : 1);
        } else {
            *out = r->bc ? -r->year : r->year;
            if (*out < 0) (*out)++;
        }
    } else if (r->cc != 0) {
        int cc = r->bc ? -r->cc : r->cc;
        *out = cc >= 0 ? (cc - 1) * 100 + 1 : cc * 100 + 1;
    } else {
        *known = false;
    }
    return QN_OK;
}

/* The calendar day the parts stand for. */
static Status
date_of_parts(Reader *r, int64_t *days)
{
    int year, month = 1, day = 1;
    bool known;
    TRY(year_of_parts(r, &year, &known));
    if (r->julian != 0) {
        civil_from_days((int64_t)r->julian - EPOCH_JULIAN, &year, &month, &day);
        known = true;
    }
    if (r->ww != 0) {
        if (r->mode == MODE_ISO) {
            int64_t at = iso_week_start(year, r->ww);
            if (r->d != 0) at += (r->d + 5) % 7;
            civil_from_days(at, &year, &month, &day);
        } else {
            r->ddd = (r->ww - 1) * 7 + 1;
        }
    }
    if (r->w != 0) r->dd = (r->w - 1) * 7 + 1;
    if (r->dd != 0) day = r->dd;
    if (r->month != 0) month = r->month;
    if (r->ddd != 0 && (month <= 1 || day <= 1)) {
        if (!known && !r->bc)
            return RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "cannot calculate day of year without year information");
        if (r->mode == MODE_ISO) {
            civil_from_days(iso_week_start(year, 1) + r->ddd - 1, &year, &month, &day);
        } else {
            if (r->ddd > 366 || r->ddd < 1) return field_overflow(r);
            int y = year;
            if (month <= 1) civil_from_days(days_from_civil(y, 1, 1) + r->ddd - 1, &year, &month, &day);
            if (year != y) return field_overflow(r);
        }
    }
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return datetime_raise(r->ctx, DT_OVERFLOW, r->text, (size_t)(r->end - r->text), "timestamp");
    if (day > days_in_month(year, month)) return field_overflow(r);
    *days = days_from_civil(year, month, day);
    return QN_OK;
}

static Status
time_of_parts(Reader *r, int64_t *us)
{
    if (r->ssss != 0) {
        r->hour = r->ssss / 3600;
        r->minute = r->ssss / 60 % 60;
        r->second = r->ssss % 60;
        if (r->hour > 23) return field_overflow(r);
    }
    if (r->clock12) {
        if (r->hour < 1 || r->hour > 12)
            return err_hint(r->ctx,
                            RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "hour \"%d\" is invalid for the 12-hour clock",
                                  r->hour),
                            "Use the 24-hour clock, or give an hour between 1 and 12.");
        if (r->pm && r->hour < 12)
            r->hour += 12;
        else if (!r->pm && r->hour == 12)
            r->hour = 0;
    }
    if (r->hour < 0 || r->hour > 23 || r->minute < 0 || r->minute > 59 || r->second < 0 || r->second > 59)
        return field_overflow(r);
    int64_t fraction = (int64_t)r->ms * 1000 + r->us;
    if (fraction < 0 || fraction >= USECS_PER_SEC) return field_overflow(r);
    if (r->tz_hour < 0 || r->tz_hour > 15 || r->tz_minute < 0 || r->tz_minute > 59)
        return datetime_raise(r->ctx, DT_TZ_OVERFLOW, r->text, (size_t)(r->end - r->text), "timestamp");
    *us = ((int64_t)r->hour * 60 + r->minute) * USECS_PER_MINUTE + r->second * USECS_PER_SEC + fraction;
    return QN_OK;
}

/* The reader works on a terminated copy, because sscanf needs one. */
static Status
read_row(KernelCall *call, int i, Template *tmpl, Reader *r)
{
    const Str *s = &ARG(call, 0, Str, i);
    char *copy;
    TRY(row_template(call, 1, i, tmpl));
    TRY_ALLOC(call->ctx, copy, arena_strndup(call->arena, str_data(s), s->len));
    *r = (Reader){.ctx = call->ctx, .text = copy, .p = copy, .end = copy + s->len, .tmpl = tmpl};
    return read_all(r);
}

Status
fn_to_timestamp(KernelCall *call)
{
    const TimeZone *tz = session_timezone(call->ctx);
    Template tmpl = {0};
    ROWS (call, i) {
        Reader r;
        int64_t days, us = 0, t;
        TRY(read_row(call, i, &tmpl, &r));
        TRY(date_of_parts(&r, &days));
        TRY(time_of_parts(&r, &us));
        bool ok = !__builtin_mul_overflow(days, USECS_PER_DAY, &t) && !__builtin_add_overflow(t, us, &t);
        if (ok && r.has_zone) {
            t -= r.tz_sign * (r.tz_hour * 3600 + r.tz_minute * 60) * USECS_PER_SEC;
            ok = TIMESTAMP_IS_VALID(t);
        } else if (ok) {
            ok = timestamp_to_timestamptz(tz, t, &t);
        }
        if (!ok) return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
        if (r.precision > 0) t = time_round(t, r.precision);
        OUT(call, int64_t, i) = t;
    }
    return QN_OK;
}

Status
fn_to_date(KernelCall *call)
{
    Template tmpl = {0};
    ROWS (call, i) {
        Reader r;
        int64_t days, us = 0;
        TRY(read_row(call, i, &tmpl, &r));
        TRY(date_of_parts(&r, &days));
        TRY(time_of_parts(&r, &us));
        if (!DATE_IS_VALID(days))
            return RAISE(call->ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range: \"%s\"", r.text);
        OUT(call, int32_t, i) = (int32_t)days;
    }
    return QN_OK;
}

/* Templates that must be met exactly (SQL/JSON). */

static Status
read_exactly(Reader *r)
{
    int i = 0;
    for (; i < r->tmpl->n && r->p < r->end; i++) {
        const Item *item = &r->tmpl->items[i];
        if (item->kind == ITEM_FIELD) {
            TRY(read_field(r, i));
            continue;
        }
        bool same = r->end - r->p >= item->nbytes && memcmp(r->p, item->text, item->nbytes) == 0;
        if (!same)
            return RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "unmatched format %s \"%.*s\"",
                         item->kind == ITEM_TEXT ? "character" : "separator", item->nbytes, item->text);
        r->p += item->nbytes;
    }
    if (i < r->tmpl->n)
        return RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT, "input string is too short for datetime format");
    skip_space(r);
    if (r->p < r->end)
        return RAISE(r->ctx, ERR_INVALID_DATETIME_FORMAT,
                     "trailing characters remain in input string after datetime format");
    return QN_OK;
}

/* Which kinds of fields a template has. */
static void
template_parts(const Template *t, bool *dated, bool *timed, bool *zoned)
{
    *dated = *timed = *zoned = false;
    for (int i = 0; i < t->n; i++) {
        if (t->items[i].kind != ITEM_FIELD) continue;
        switch ((FieldId)t->items[i].field->id) {
        case F_FX: break;
        case F_TZ: case F_OF: case F_TZH: case F_TZM: *zoned = true; break;
        case F_AM: case F_A_M: case F_HH24: case F_HH12: case F_MI: case F_SS: case F_MS: case F_US: case F_FF: case F_SSSS:
            *timed = true;
            break;
        default: *dated = true; break;
        }
    }
}

/* Outside of quotes a template holds fields and these separators only. */
static Status
check_separators(Ctx *ctx, const char *p, const char *end)
{
    LetterCase letters;
    bool quoted = false;
    while (p < end) {
        const Field *f = quoted ? NULL : find_field(p, end, &letters);
        if (*p == '"') quoted = !quoted;
        if (f == NULL && !quoted && strchr("-./,':; \"", *p) == NULL && !starts(p, end, "FM") && !starts(p, end, "fm") &&
            !starts(p, end, "TM") && !starts(p, end, "tm"))
            return RAISE(ctx, ERR_INVALID_DATETIME_FORMAT, "invalid datetime format separator: \"%.*s\"",
                         utf8_char_bytes((unsigned char)*p), p);
        p += f != NULL ? strlen(f->name) : *p == 'F' || *p == 'f' || *p == 'T' || *p == 't' ? 2 : 1;
    }
    return QN_OK;
}

Status
datetime_read_template(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, const char *template,
                       size_t template_bytes, TemplateTime *out)
{
    Template tmpl = {0};
    Str t = str_make(template, template_bytes);
    char *copy;
    int64_t days = 0, us;
    bool dated, timed, zoned;
    TRY(check_separators(ctx, template, template + template_bytes));
    TRY(template_parse(ctx, arena, &t, &tmpl));
    TRY_ALLOC(ctx, copy, arena_strndup(arena, text, nbytes));
    Reader r = {.ctx = ctx, .text = copy, .p = copy, .end = copy + nbytes, .tmpl = &tmpl, .fx = true};
    TRY(read_exactly(&r));
    template_parts(&tmpl, &dated, &timed, &zoned);
    if (!timed && zoned)
        return RAISE(ctx, ERR_INVALID_DATETIME_FORMAT, "datetime format is zoned but not timed");
    if (!timed && !dated)
        return RAISE(ctx, ERR_INVALID_DATETIME_FORMAT, "datetime format is not dated and not timed");
    if (dated) TRY(date_of_parts(&r, &days));
    TRY(time_of_parts(&r, &us));
    if (zoned && !r.has_zone)
        return RAISE(ctx, ERR_INVALID_DATETIME_FORMAT, "missing time zone in input string for type %s",
                     dated ? "timestamptz" : "timetz");
    *out = (TemplateTime){.v = days, .zone = r.tz_sign * (r.tz_hour * 3600 + r.tz_minute * 60)};
    if (dated && !timed) {
        if (!DATE_IS_VALID(days))
            return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "date out of range: \"%s\"", r.text);
        return QN_OK;
    }
    out->kind = dated ? zoned ? TEMPLATE_TIMESTAMPTZ : TEMPLATE_TIMESTAMP : zoned ? TEMPLATE_TIMETZ : TEMPLATE_TIME;
    if (r.precision > 0) us = time_round(us, r.precision);
    out->v = us;
    if (!dated) return QN_OK;
    if (__builtin_mul_overflow(days, USECS_PER_DAY, &out->v) || __builtin_add_overflow(out->v, us, &out->v))
        return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    if (zoned) out->v -= out->zone * USECS_PER_SEC;
    if (!TIMESTAMP_IS_VALID(out->v)) return RAISE(ctx, ERR_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
    return QN_OK;
}
