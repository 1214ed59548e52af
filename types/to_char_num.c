/* to_char_num.c - to_char of numbers and to_number: Oracle's number pictures as PostgreSQL reads
 * them.
 *
 * A picture is parsed into items (a pattern such as 9, 0, D, MI, or a literal character) and a
 * summary of what it asks for. Output then walks the items beside the digits of the rounded number;
 * what stands in front of the first digit becomes blanks, zeros or nothing, and the sign is written
 * as late as it can be. Input walks the same items beside the text. The locale is "C" always: L is
 * a blank, G a comma, D a point. */
#include "types/kernel.h"
#include "types/numvar.h"
#include "types/type_io.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum Pattern {
    PAT_LITERAL,
    PAT_COMMA,
    PAT_POINT,
    PAT_0,
    PAT_9,
    PAT_B,
    PAT_C,
    PAT_D,
    PAT_EEEE,
    PAT_FM,
    PAT_G,
    PAT_L,
    PAT_MI,
    PAT_PL,
    PAT_PR,
    PAT_RN,
    PAT_RN_LOWER,
    PAT_S,
    PAT_SG,
    PAT_SP,
    PAT_TH,
    PAT_TH_LOWER,
    PAT_V
} Pattern;

static const struct {
    const char *text; /* upper case; written all upper or all lower */
    Pattern upper, lower;
} patterns[] = {
    {",", PAT_COMMA, PAT_COMMA},  {".", PAT_POINT, PAT_POINT},  {"0", PAT_0, PAT_0},
    {"9", PAT_9, PAT_9},          {"B", PAT_B, PAT_B},          {"C", PAT_C, PAT_C},
    {"D", PAT_D, PAT_D},          {"EEEE", PAT_EEEE, PAT_EEEE}, {"FM", PAT_FM, PAT_FM},
    {"G", PAT_G, PAT_G},          {"L", PAT_L, PAT_L},          {"MI", PAT_MI, PAT_MI},
    {"PL", PAT_PL, PAT_PL},       {"PR", PAT_PR, PAT_PR},       {"RN", PAT_RN, PAT_RN_LOWER},
    {"SG", PAT_SG, PAT_SG},       {"SP", PAT_SP, PAT_SP},       {"S", PAT_S, PAT_S},
    {"TH", PAT_TH, PAT_TH_LOWER}, {"V", PAT_V, PAT_V},
};

typedef struct Item {
    Pattern pattern;
    char literal[4]; /* one character */
    int literal_bytes;
} Item;

typedef enum SignPlace { SIGN_NONE, SIGN_BEFORE, SIGN_AFTER } SignPlace;

typedef struct Picture {
    Item *items;
    int nitems;
    int pre, post;        /* digits before and after the point */
    int multi;            /* digits after V */
    int zero_start;       /* digit from which zeros are written */
    int zero_end;         /* last digit a 0 stands for */
    SignPlace sign_place; /* of S */
    int pre_at_sign;      /* digits before S */
    bool decimal, fill, zero, blank, locale_sign, minus, plus, bracket, roman, has_multi, exponent;
} Picture;

static Status
picture_error(Ctx *ctx, const char *message)
{
    return RAISE(ctx, ERR_SYNTAX_ERROR, "%s", message);
}

static bool
match_pattern(const char *p, const char *end, Pattern *pattern, int *nbytes)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
        const char *text = patterns[i].text;
        int n = (int)strlen(text), upper = 0, lower = 0;
        if (end - p < n) continue;
        for (int k = 0; k < n; k++) {
            upper += p[k] == text[k];
            lower += p[k] == ascii_lower(text[k]);
        }
        if (upper != n && lower != n) continue;
        *pattern = upper == n ? patterns[i].upper : patterns[i].lower;
        *nbytes = n;
        return true;
    }
    return false;
}

static Status
note_digit(Ctx *ctx, Picture *p, bool zero)
{
    if (p->bracket)
        return picture_error(ctx, zero ? "\"0\" must be ahead of \"PR\""
                                       : "\"9\" must be ahead of \"PR\"");
    if (zero) {
        if (!p->zero && !p->decimal) {
            p->zero = true;
            p->zero_start = p->pre;
        }
        if (p->decimal)
            p->post++;
        else
            p->pre++;
        p->zero_end = p->pre + p->post;
    } else if (p->has_multi) {
        p->multi++;
    } else if (p->decimal) {
        p->post++;
    } else {
        p->pre++;
    }
    return QN_OK;
}

static Status
note_sign(Ctx *ctx, Picture *p, Pattern pattern)
{
    if (pattern == PAT_S) {
        if (p->locale_sign) return picture_error(ctx, "cannot use \"S\" twice");
        if (p->plus || p->minus || p->bracket)
            return picture_error(ctx, "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together");
        p->sign_place = p->decimal ? SIGN_AFTER : SIGN_BEFORE;
        p->pre_at_sign = p->pre;
        p->locale_sign = true;
        return QN_OK;
    }
    if (pattern == PAT_PR) {
        if (p->locale_sign || p->plus || p->minus)
            return picture_error(ctx, "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together");
        p->bracket = true;
        return QN_OK;
    }
    if (p->locale_sign)
        return picture_error(ctx, pattern == PAT_MI   ? "cannot use \"S\" and \"MI\" together"
                                  : pattern == PAT_PL ? "cannot use \"S\" and \"PL\" together"
                                                      : "cannot use \"S\" and \"SG\" together");
    p->minus |= pattern != PAT_PL;
    p->plus |= pattern != PAT_MI;
    return QN_OK;
}

static Status
note_pattern(Ctx *ctx, Picture *p, Pattern pattern)
{
    if (p->exponent && pattern != PAT_EEEE)
        return picture_error(ctx, "\"EEEE\" must be the last pattern used");
    switch (pattern) {
    case PAT_9:
        return note_digit(ctx, p, false);
    case PAT_0:
        return note_digit(ctx, p, true);
    case PAT_B:
        if (p->pre == 0 && p->post == 0 && !p->zero) p->blank = true;
        return QN_OK;
    case PAT_D:
    case PAT_POINT:
        if (p->decimal) return picture_error(ctx, "multiple decimal points");
        if (p->has_multi) return picture_error(ctx, "cannot use \"V\" and decimal point together");
        p->decimal = true;
        return QN_OK;
    case PAT_FM:
        p->fill = true;
        return QN_OK;
    case PAT_S:
    case PAT_MI:
    case PAT_PL:
    case PAT_SG:
    case PAT_PR:
        return note_sign(ctx, p, pattern);
    case PAT_RN:
    case PAT_RN_LOWER:
        p->roman = true;
        return QN_OK;
    case PAT_V:
        if (p->decimal) return picture_error(ctx, "cannot use \"V\" and decimal point together");
        p->has_multi = true;
        return QN_OK;
    case PAT_EEEE:
        if (p->exponent) return picture_error(ctx, "cannot use \"EEEE\" twice");
        if (p->blank || p->fill || p->locale_sign || p->bracket || p->minus || p->plus ||
            p->roman || p->has_multi)
            return err_detail(
                ctx, picture_error(ctx, "\"EEEE\" is incompatible with other formats"),
                "\"EEEE\" may only be used together with digit and decimal point patterns.");
        p->exponent = true;
        return QN_OK;
    default:
        return QN_OK;
    }
}

static void
add_literal(Picture *p, const char *s, const char *end, int *nbytes)
{
    Item *item = &p->items[p->nitems++];
    int n = utf8_char_bytes((unsigned char)*s);
    if (n > end - s) n = (int)(end - s);
    item->pattern = PAT_LITERAL;
    memcpy(item->literal, s, (size_t)n);
    item->literal_bytes = n;
    *nbytes = n;
}

static Status
picture_parse(Ctx *ctx, Arena *arena, const Str *format, Picture *out)
{
    const char *s = str_data(format), *end = s + format->len;
    memset(out, 0, sizeof(*out));
    TRY_ALLOC(ctx, out->items, arena_alloc(arena, (format->len + 1) * sizeof(Item)));
    while (s < end) {
        Pattern pattern;
        int n;
        if (match_pattern(s, end, &pattern, &n)) {
            out->items[out->nitems++].pattern = pattern;
            TRY(note_pattern(ctx, out, pattern));
            s += n;
        } else if (*s ==
                   '"') { /* text up to the next quote; a backslash takes what follows as it is */
            for (s++; s < end && *s != '"'; s += n) {
                if (*s == '\\' && s + 1 < end) s++;
                add_literal(out, s, end, &n);
            }
            if (s < end) s++;
        } else {
            if (*s == '\\' && s + 1 < end && s[1] == '"') s++;
            add_literal(out, s, end, &n);
            s += n;
        }
    }
    return QN_OK;
}

/* Output. number is digits with at most one point, without sign; pre_spaces how many digit places
 * of the picture lie in front of it. */

typedef struct Writer {
    Picture pic; /* a copy: roman numerals and FM change it */
    StrBuf *out;
    const char *number, *p;    /* p: the next character of it */
    const char *last_relevant; /* FM: the last digit not to be dropped, or the point */
    char sign;
    int pre_spaces, count, current;
    bool sign_written, in_number;
    bool ended; /* a place found no digit left: nothing more is written */
} Writer;

static bool
is_leading_zero(const Writer *w) /* the 0 of 0.5, which 9.9 shows as a blank */
{
    return !w->pic.zero && w->number == w->p && *w->number == '0' && w->pic.post != 0;
}

static void
write_sign(Writer *w)
{
    if (w->pic.locale_sign) {
        if (w->pic.sign_place != SIGN_BEFORE) return;
        strbuf_addc(w->out, w->sign);
    } else if (w->pic.bracket) {
        strbuf_addc(w->out, w->sign == '+' ? ' ' : '<');
    } else if (w->sign == '-') {
        strbuf_addc(w->out, '-');
    } else if (!w->pic.fill) {
        strbuf_addc(w->out, ' ');
    }
    w->sign_written = true;
}

static void
write_number_char(Writer *w, Pattern pattern)
{
    if (*w->p == '.') {
        if (w->last_relevant == NULL || *w->last_relevant != '.' || w->pic.fill)
            strbuf_addc(w->out, '.');
    } else if (w->last_relevant != NULL && w->p > w->last_relevant && pattern != PAT_0) {
        /* FM drops it */
    } else if (is_leading_zero(w)) {
        if (!w->pic.fill)
            strbuf_addc(w->out, ' ');
        else if (w->last_relevant != NULL && *w->last_relevant == '.')
            strbuf_addc(w->out, '0');
    } else if (*w->p == '\0') {
        w->ended = true;
    } else {
        strbuf_addc(w->out, *w->p);
        w->in_number = true;
    }
    if (*w->p != '\0') w->p++;
}

/* A digit or the point. */
static void
write_place(Writer *w, Pattern pattern)
{
    const Picture *pic = &w->pic;
    if (pic->roman) return;
    w->in_number = false;
    if (!w->sign_written &&
        (w->current >= w->pre_spaces || (pic->zero && pic->zero_start == w->current)) &&
        (!is_leading_zero(w) || (w->last_relevant != NULL && *w->last_relevant == '.')))
        write_sign(w);
    if (w->current < w->pre_spaces && (pic->zero_start > w->current || !pic->zero)) {
        if (!pic->fill) strbuf_addc(w->out, ' ');
    } else if (pic->zero && w->current < w->pre_spaces) {
        strbuf_addc(w->out, '0');
        w->in_number = true;
    } else {
        write_number_char(w, pattern);
    }
    int end = w->count + (w->pre_spaces != 0) + pic->decimal;
    if (w->last_relevant != NULL && w->last_relevant == w->p) end = w->current;
    if (w->current + 1 == end) {
        if (w->sign_written && pic->bracket)
            strbuf_addc(w->out, w->sign == '+' ? ' ' : '>');
        else if (pic->locale_sign && pic->sign_place == SIGN_AFTER)
            strbuf_addc(w->out, w->sign);
    }
    w->current++;
}

static Status
write_ordinal(Ctx *ctx, Writer *w, bool upper)
{
    size_t n = strlen(w->number);
    if (w->pic.roman || *w->number == '#' || w->sign == '-' || w->pic.decimal) return QN_OK;
    char last = n > 0 ? w->number[n - 1] : ' ';
    if (!ascii_is_digit(last))
        return RAISE(ctx, ERR_INVALID_TEXT_REPRESENTATION, "\"%s\" is not a number", w->number);
    bool teen = n > 1 && w->number[n - 2] == '1';
    const char *suffix =
        teen || last == '0' || last > '3' ? "THth" : &"STstNDndRDrd"[(last - '1') * 4];
    strbuf_add(w->out, suffix + (upper ? 0 : 2), 2);
    return QN_OK;
}

static void
write_roman(Writer *w, bool lower)
{
    if (!w->pic.fill)
        for (size_t n = strlen(w->p); n < 15; n++) strbuf_addc(w->out, ' ');
    for (const char *p = w->p; *p != '\0'; p++) strbuf_addc(w->out, lower ? ascii_lower(*p) : *p);
}

static Status
write_item(Ctx *ctx, Writer *w, const Item *item)
{
    const Picture *pic = &w->pic;
    switch (item->pattern) {
    case PAT_LITERAL:
        strbuf_add(w->out, item->literal, (size_t)item->literal_bytes);
        break;
    case PAT_9:
    case PAT_0:
    case PAT_POINT:
    case PAT_D:
        write_place(w, item->pattern);
        break;
    case PAT_COMMA:
    case PAT_G:
        if (w->in_number)
            strbuf_addc(w->out, ',');
        else if (!pic->fill)
            strbuf_addc(w->out, ' ');
        break;
    case PAT_L:
        strbuf_addc(w->out, ' ');
        break;
    case PAT_RN:
        write_roman(w, false);
        break;
    case PAT_RN_LOWER:
        write_roman(w, true);
        break;
    case PAT_TH:
    case PAT_TH_LOWER:
        return write_ordinal(ctx, w, item->pattern == PAT_TH);
    case PAT_MI:
        if (w->sign == '-')
            strbuf_addc(w->out, '-');
        else if (!pic->fill)
            strbuf_addc(w->out, ' ');
        break;
    case PAT_PL:
        if (w->sign == '+')
            strbuf_addc(w->out, '+');
        else if (!pic->fill)
            strbuf_addc(w->out, ' ');
        break;
    case PAT_SG:
        if (w->sign != '\0') strbuf_addc(w->out, w->sign);
        break;
    default:
        break;
    }
    return QN_OK;
}

/* FM: digits after this one are dropped unless a 0 asks for them. */
static const char *
find_last_relevant(const Writer *w)
{
    const char *last = strchr(w->number, '.');
    if (last == NULL) return NULL;
    for (const char *p = last + 1; *p != '\0'; p++)
        if (*p != '0') last = p;
    if (w->pic.zero_end > w->pre_spaces) {
        long at = (long)strlen(w->number) - 1, wanted = w->pic.zero_end - w->pre_spaces;
        const char *zero = w->number + (at < wanted ? at : wanted);
        if (last < zero) last = zero;
    }
    return last;
}

static Status
picture_write(Ctx *ctx, const Picture *pic, const char *number, int pre_spaces, char sign,
              StrBuf *out)
{
    Writer w = {.pic = *pic,
                .out = out,
                .number = number,
                .p = number,
                .sign = sign,
                .pre_spaces = pre_spaces};
    if (pic->roman) {
        memset(&w.pic, 0, sizeof(w.pic));
        w.pic.roman = true;
        w.pic.fill = pic->fill;
        w.pre_spaces = 0;
        w.sign = '\0';
    }
    if (w.pic.plus || w.pic.minus) {
        w.sign_written = w.pic.minus || !w.pic.plus; /* by its own pattern */
    } else {
        if (w.sign != '-' && w.pic.fill) w.pic.bracket = false;
        w.sign_written = w.sign == '+' && w.pic.fill && !w.pic.locale_sign;
        if (w.pic.sign_place == SIGN_BEFORE && w.pic.pre == w.pic.pre_at_sign)
            w.pic.sign_place = SIGN_AFTER;
    }
    w.count = w.pic.post + w.pic.pre - 1;
    if (w.pic.fill && w.pic.decimal) w.last_relevant = find_last_relevant(&w);
    if (!w.sign_written && w.pre_spaces == 0) w.count++;
    for (int i = 0; i < pic->nitems && !w.ended; i++) TRY(write_item(ctx, &w, &pic->items[i]));
    return out->failed ? RAISE_OOM(ctx) : QN_OK;
}

/* The number's text, sign in front, to the picture: blanks or overflow in front of the point. */
static Status
write_text(Ctx *ctx, Arena *arena, Picture *pic, const char *text, StrBuf *out)
{
    char sign = *text == '-' ? '-' : '+';
    const char *number = text + (*text == '-'), *point = strchr(number, '.');
    int pre = (int)(point != NULL ? point - number : (ptrdiff_t)strlen(number)), spaces = 0;
    if (pre < pic->pre) {
        spaces = pic->pre - pre;
    } else if (pre > pic->pre) {
        char *hashes;
        int n = pic->pre + pic->post + 1;
        TRY_ALLOC(ctx, hashes, arena_alloc(arena, (size_t)n + 1));
        memset(hashes, '#', (size_t)n);
        hashes[n] = '\0';
        hashes[pic->pre] = '.';
        number = hashes;
    }
    return picture_write(ctx, pic, number, spaces, sign, out);
}

static const char *
roman_numeral(Arena *arena, int64_t n)
{
    static const struct {
        int value;
        const char *text;
    } parts[] = {{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"},
                 {90, "XC"},  {50, "L"},   {40, "XL"}, {10, "X"},   {9, "IX"},
                 {5, "V"},    {4, "IV"},   {1, "I"}};
    StrBuf b = strbuf_new(arena);
    if (n < 1 || n > 3999) return "###############";
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        for (; n >= parts[i].value; n -= parts[i].value) strbuf_addz(&b, parts[i].text);
    return b.failed ? NULL : b.data;
}

/* Scientific notation of what has none: NaN and infinities. */
static void
add_no_exponent(const Picture *pic, StrBuf *out)
{
    for (int i = 0; i < pic->pre + pic->post + 6; i++)
        strbuf_addc(out, i == 0 ? ' ' : i == pic->pre + 1 ? '.' : '#');
}

/* d.ddde+xx with the picture's places; the exponent is the number's before it was rounded. */
static Status
scientific_text(NumWork *w, const NumVar *x, int places, char **out)
{
    StrBuf b = strbuf_new(w->arena);
    NumVar m;
    size_t nbytes;
    int exponent = 0;
    numvar_init(&m);
    TRY(numvar_copy(w, x, &m));
    if (x->ndigits > 0) {
        int first = x->digits[0];
        exponent = x->weight * 4 + (first >= 10) + (first >= 100) + (first >= 1000);
        Value ten = numeric_value_int(10, 0);
        NumVar power, base;
        numvar_init(&power);
        TRY(numvar_from_value(w, &ten, &base));
        TRY(numvar_from_i128(w, 1, 0, &power));
        for (int i = 0, n = exponent < 0 ? -exponent : exponent; i < n % 4; i++)
            TRY(numvar_mul(w, &power, &base, 0, &power));
        power.weight += (exponent < 0 ? -exponent : exponent) / 4;
        if (exponent < 0)
            TRY(numvar_mul(w, &m, &power, places, &m));
        else
            TRY(numvar_div(w, &m, &power, places, true, &m));
    }
    m.dscale = places;
    numvar_format(&m, &b);
    strbuf_addf(&b, "e%+03d", exponent);
    return strbuf_finish(w->ctx, &b, out, &nbytes);
}

static Status
format_numeric(NumWork *w, NumVar *x, Picture *pic, StrBuf *out)
{
    StrBuf b = strbuf_new(w->arena);
    char *text;
    size_t nbytes;
    if (pic->roman) {
        int128 n = 0;
        if (x->kind != NUMERIC_FINITE)
            return RAISE(w->ctx, ERR_FEATURE_NOT_SUPPORTED, "cannot convert %s to integer",
                         x->kind == NUMERIC_NAN ? "NaN" : "infinity");
        TRY(numvar_round(w, x, 0));
        if (!numvar_to_i128(x, 0, &n) || n < INT32_MIN || n > INT32_MAX)
            return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        const char *roman = roman_numeral(w->arena, (int64_t)n);
        if (roman == NULL) return RAISE_OOM(w->ctx);
        return picture_write(w->ctx, pic, roman, 0, '+', out);
    }
    if (pic->exponent) {
        if (x->kind != NUMERIC_FINITE) {
            add_no_exponent(pic, out);
            return QN_OK;
        }
        TRY(scientific_text(w, x, pic->post, &text));
        if (*text != '-') strbuf_addc(out, ' ');
        strbuf_addz(out, text); /* and nothing else of the picture */
        return QN_OK;
    }
    if (pic->has_multi) {
        NumVar power;
        numvar_init(&power);
        if (x->kind == NUMERIC_FINITE && pic->multi > 0) {
            TRY(numvar_from_i128(w, num_pow10_i128(pic->multi % 4), 0, &power));
            power.weight += pic->multi / 4;
            TRY(numvar_mul(w, x, &power, x->dscale, x));
        }
        pic->pre += pic->multi;
    }
    TRY(numvar_round(w, x, pic->post));
    numvar_format(x, &b);
    TRY(strbuf_finish(w->ctx, &b, &text, &nbytes));
    return write_text(w->ctx, w->arena, pic, text, out);
}

/* Floats go by printf in as many digits as the type is sure of. */
static Status
format_float(NumWork *w, double x, int digits, Picture *pic, StrBuf *out)
{
    char *text;
    if (pic->roman) {
        const char *roman = roman_numeral(w->arena, x > 0 && x < 4000 ? (int64_t)rint(x) : 0);
        if (roman == NULL) return RAISE_OOM(w->ctx);
        return picture_write(w->ctx, pic, roman, 0, '+', out);
    }
    if (pic->exponent) {
        if (!isfinite(x)) {
            add_no_exponent(pic, out);
            return QN_OK;
        }
        TRY_ALLOC(w->ctx, text, arena_printf(w->arena, "%+.*e", pic->post, x));
        if (*text == '+') *text = ' ';
        strbuf_addz(out, text);
        return QN_OK;
    }
    if (pic->has_multi) {
        x *= pow(10, pic->multi);
        pic->pre += pic->multi;
    }
    if (isfinite(x)) {
        TRY_ALLOC(w->ctx, text, arena_printf(w->arena, "%.0f", fabs(x)));
        int pre = (int)strlen(text);
        if (pre >= digits)
            pic->post = 0;
        else if (pre + pic->post > digits)
            pic->post = digits - pre;
        TRY_ALLOC(w->ctx, text, arena_printf(w->arena, "%.*f", pic->post, x));
        for (char *p = text; *p != '\0'; p++) /* the host's decimal point, whatever it is */
            if (!ascii_is_digit(*p) && *p != '-') *p = '.';
    } else {
        const char *name = isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
        int pre = (int)strlen(name) - (x < 0);
        if (pre >= digits)
            pic->post = 0;
        else if (pre + pic->post > digits)
            pic->post = digits - pre;
        TRY_ALLOC(w->ctx, text, arena_strdup(w->arena, name));
    }
    return write_text(w->ctx, w->arena, pic, text, out);
}

static Status
format_int(NumWork *w, int64_t x, Picture *pic, StrBuf *out)
{
    NumVar v;
    numvar_init(&v);
    if (pic->roman) {
        if (x < INT32_MIN || x > INT32_MAX)
            return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        const char *roman = roman_numeral(w->arena, x);
        if (roman == NULL) return RAISE_OOM(w->ctx);
        return picture_write(w->ctx, pic, roman, 0, '+', out);
    }
    TRY(numvar_from_i128(w, x, 0, &v));
    return format_numeric(w, &v, pic, out);
}

/* Each kernel: parse the picture (a constant one once), then a row at a time. FORMAT sees w, pic
 * and i. */
#define TO_CHAR(NAME, FORMAT)                                                                      \
    Status fn_##NAME(KernelCall *call)                                                             \
    {                                                                                              \
        NumWork w = {call->ctx, call->arena};                                                      \
        Picture parsed;                                                                            \
        bool once = false;                                                                         \
        ROWS(call, i)                                                                              \
        {                                                                                          \
            StrBuf b = strbuf_new(call->arena);                                                    \
            if (!once) TRY(picture_parse(call->ctx, call->arena, &ARG(call, 1, Str, i), &parsed)); \
            once = arg_is_const(call, 1);                                                          \
            Picture pic = parsed;                                                                  \
            TRY(FORMAT);                                                                           \
            if (b.failed) return RAISE_OOM(call->ctx);                                             \
            OUT(call, Str, i) = str_make(b.data, b.nbytes);                                        \
        }                                                                                          \
        return QN_OK;                                                                              \
    }

static Status
format_numeric_row(NumWork *w, const Value *value, Picture *pic, StrBuf *b)
{
    NumVar x;
    TRY(numvar_from_value(w, value, &x));
    return format_numeric(w, &x, pic, b);
}

TO_CHAR(numeric_to_char, ({
            Value value = vec_get(call->args[0], i);
            format_numeric_row(&w, &value, &pic, &b);
        }))
TO_CHAR(int4_to_char, format_int(&w, ARG(call, 0, int32_t, i), &pic, &b))
TO_CHAR(int8_to_char, format_int(&w, ARG(call, 0, int64_t, i), &pic, &b))
TO_CHAR(float4_to_char, format_float(&w, (double)ARG(call, 0, float, i), FLT_DIG, &pic, &b))
TO_CHAR(float8_to_char, format_float(&w, ARG(call, 0, double, i), DBL_DIG, &pic, &b))

/* Input. */

typedef struct Reader {
    const Picture *pic;
    const char *p, *end;
    char sign; /* ' ': none read yet */
    StrBuf digits;
    int pre, post; /* digits read */
    bool point;
} Reader;

static bool
at_end(const Reader *r)
{
    return r->p >= r->end;
}

static void
skip_chars(Reader *r, int n) /* that are no part of a number */
{
    while (n-- > 0 && !at_end(r) && memchr("0123456789.,+-", *r->p, 14) == NULL)
        r->p += utf8_char_bytes((unsigned char)*r->p);
}

static void
read_sign_before(Reader *r)
{
    bool anchored = r->pic->locale_sign && r->pic->sign_place == SIGN_BEFORE;
    if (*r->p == '-' || (!anchored && r->pic->bracket && *r->p == '<'))
        r->sign = '-';
    else if (*r->p == '+')
        r->sign = '+';
    else
        return;
    r->p++;
}

/* A digit or the point, with a sign that may stand around it. The caller steps over the character
 * read. */
static void
read_place(Reader *r, Pattern pattern)
{
    bool took = false;
    if (!at_end(r) && *r->p == ' ') r->p++;
    if (at_end(r)) return;
    if (r->sign == ' ' && (pattern == PAT_0 || pattern == PAT_9) && r->pre + r->post == 0)
        read_sign_before(r);
    if (at_end(r)) return;
    if (ascii_is_digit(*r->p)) {
        if (r->point && r->post == r->pic->post) return;
        strbuf_addc(&r->digits, *r->p);
        if (r->point)
            r->post++;
        else
            r->pre++;
        took = true;
    } else if (r->pic->decimal && !r->point && *r->p == '.') {
        strbuf_addc(&r->digits, '.');
        r->point = took = true;
    }
    if (r->sign != ' ' || r->pre + r->post == 0) return;
    if (r->pic->locale_sign && took && r->p + 1 < r->end && !ascii_is_digit(r->p[1])) {
        if (r->p[1] != '-' && r->p[1] != '+') return;
        r->sign = r->p[1];
        r->p++;
    } else if (!took && !r->pic->locale_sign && (r->pic->plus || r->pic->minus) &&
               (*r->p == '-' || *r->p == '+')) {
        r->sign = *r->p;
    }
}

static void
read_item(Reader *r, const Item *item)
{
    switch (item->pattern) {
    case PAT_9:
    case PAT_0:
    case PAT_POINT:
    case PAT_D:
        read_place(r, item->pattern);
        break;
    case PAT_COMMA:
    case PAT_G:
        if (*r->p != ',') return;
        break;
    case PAT_L:
        skip_chars(r, 1);
        return;
    case PAT_TH:
    case PAT_TH_LOWER:
        skip_chars(r, 2);
        return;
    case PAT_MI:
    case PAT_SG:
    case PAT_PL:
        if ((item->pattern != PAT_PL && *r->p == '-') ||
            (item->pattern != PAT_MI && *r->p == '+')) {
            r->sign = *r->p;
            break;
        }
        skip_chars(r, 1);
        return;
    case PAT_LITERAL:
        r->p += utf8_char_bytes((unsigned char)*r->p);
        return;
    default:
        return;
    }
    r->p++;
}

static Status
read_number(KernelCall *call, NumWork *w, const Picture *pic, const Str *input, Str *out)
{
    Reader r = {.pic = pic, .p = str_data(input), .sign = ' ', .digits = strbuf_new(call->arena)};
    char *text;
    size_t nbytes;
    Value v;
    NumVar x;
    if (pic->roman)
        return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "\"RN\" not supported for input");
    if (pic->exponent)
        return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "\"EEEE\" not supported for input");
    r.end = r.p + input->len;
    strbuf_addc(&r.digits, ' '); /* the sign's place */
    for (int i = 0; i < pic->nitems && !at_end(&r); i++) read_item(&r, &pic->items[i]);
    TRY(strbuf_finish(call->ctx, &r.digits, &text, &nbytes));
    text[0] = r.sign;
    if (text[nbytes - 1] == '.') nbytes--;
    int precision = pic->pre + pic->multi + r.post;
    int32_t typmod = precision >= 1 && precision <= 1000 ? numeric_typmod(precision, r.post) : -1;
    TRY(value_in(call->ctx, call->arena, text, nbytes, TYPE_NUMERIC, typmod, &v));
    TRY(numvar_from_value(w, &v, &x));
    if (pic->has_multi &&
        pic->multi > 0) { /* times 10^-multi, which has 16 places or as many as it needs */
        NumVar power;
        int places = pic->multi > 16 ? pic->multi : 16;
        numvar_init(&power);
        TRY(numvar_from_i128(w, num_pow10_i128(places - pic->multi), places, &power));
        TRY(numvar_mul(w, &x, &power, x.dscale + places, &x));
    }
    return numvar_pack(w, &x, out);
}

Status
fn_numeric_to_number(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    Picture pic;
    bool once = false;
    out_set_form(call, PHYS_STR, 0);
    ROWS(call, i)
    {
        const Str *format = &ARG(call, 1, Str, i), *input = &ARG(call, 0, Str, i);
        if (!once) TRY(picture_parse(call->ctx, call->arena, format, &pic));
        once = arg_is_const(call, 1);
        if (format->len == 0) {
            out_set_null(call, i);
            continue;
        }
        TRY(read_number(call, &w, &pic, input, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* pg_size_pretty: the largest unit that keeps the number below 20480 (bytes: 10240), rounded half
 * away from zero. */

static const struct {
    const char *name;
    int bits; /* of the unit */
    int64_t limit;
    bool halves; /* the number counts half units until it is printed */
} size_units[] = {{"bytes", 0, 10 * 1024, false},  {"kB", 10, 20 * 1024 - 1, true},
                  {"MB", 20, 20 * 1024 - 1, true}, {"GB", 30, 20 * 1024 - 1, true},
                  {"TB", 40, 20 * 1024 - 1, true}, {"PB", 50, 20 * 1024 - 1, true}};

static Status
pretty_size(KernelCall *call, int128 size, int row)
{
    char digits[48];
    StrBuf b = strbuf_new(call->arena);
    for (int u = 0;; u++) {
        bool last = u + 1 == (int)(sizeof(size_units) / sizeof(size_units[0]));
        int128 magnitude = size < 0 ? -size : size;
        if (last || magnitude < size_units[u].limit) {
            if (size_units[u].halves) size = (size + (size < 0 ? -1 : 1)) / 2;
            strbuf_add(&b, digits, (size_t)num_format_i128(size, digits));
            strbuf_addf(&b, " %s", size_units[u].name);
            break;
        }
        int bits = size_units[u + 1].bits - size_units[u].bits - size_units[u + 1].halves +
                   size_units[u].halves;
        size /= (int128)1 << bits;
    }
    if (b.failed) return RAISE_OOM(call->ctx);
    OUT(call, Str, row) = str_make(b.data, b.nbytes);
    return QN_OK;
}

Status
fn_pg_size_pretty(KernelCall *call)
{
    ROWS(call, i) TRY(pretty_size(call, ARG(call, 0, int64_t, i), i));
    return QN_OK;
}

/* Below the first limit a numeric is shown as it is, fraction and all. */
Status
fn_pg_size_pretty_numeric(KernelCall *call)
{
    NumWork w = {call->ctx, call->arena};
    ROWS(call, i)
    {
        Value value = vec_get(call->args[0], i);
        StrBuf b = strbuf_new(call->arena);
        NumVar x;
        int128 size = 0;
        TRY(numvar_from_value(&w, &value, &x));
        bool small =
            x.kind != NUMERIC_FINITE || fabs(numvar_to_double(&x)) < (double)size_units[0].limit;
        if (!small) {
            numvar_trunc(&x, 0);
            if (!numvar_to_i128(&x, 0, &size))
                return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE,
                             "value overflows numeric format");
            TRY(pretty_size(call, size, i));
            continue;
        }
        numvar_format(&x, &b);
        strbuf_addz(&b, x.kind == NUMERIC_FINITE ? " bytes" : " PB");
        if (b.failed) return RAISE_OOM(call->ctx);
        OUT(call, Str, i) = str_make(b.data, b.nbytes);
    }
    return QN_OK;
}
