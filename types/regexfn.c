/* regexfn.c - kernels of regular expressions: ~ and its kin, SIMILAR TO, regexp_*. */
#include "types/array.h"
#include "types/kernel.h"
#include "types/regex.h"
#include "types/textfn.h"

/* The expression of a call site: compiled once while pattern and flags stay the same. */
typedef struct Site {
    Arena *arena; /* of `re`; emptied when the pattern changes */
    Regex *re;
    char *pattern;
    size_t nbytes;
    int flags;
} Site;

static Status
site_of(KernelCall *call, Site **out)
{
    Site *site = call->state != NULL ? *call->state : NULL;
    if (site == NULL) {
        Arena *parent = call->state != NULL ? call->state_arena : call->arena;
        TRY_ALLOC(call->ctx, site, ARENA_NEW(parent, Site));
        TRY_ALLOC(call->ctx, site->arena, arena_create(parent, "regex"));
        if (call->state != NULL) *call->state = site;
    }
    *out = site;
    return QN_OK;
}

static Status
site_regex(KernelCall *call, Site *site, const Str *pattern, int flags, Regex **out)
{
    const char *p = str_data(pattern);
    if (site->re == NULL || site->flags != flags || site->nbytes != pattern->len ||
        memcmp(site->pattern, p, pattern->len) != 0) {
        site->re = NULL;
        arena_reset(site->arena);
        TRY_ALLOC(call->ctx, site->pattern, arena_strndup(site->arena, p, pattern->len));
        site->nbytes = pattern->len;
        site->flags = flags;
        TRY(regex_compile(call->ctx, site->arena, site->pattern, site->nbytes, flags, &site->re));
    }
    *out = site->re;
    return QN_OK;
}

static Status
match_kernel(KernelCall *call, int flags, bool negate)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        Regex *re = NULL;
        bool found;
        TRY(site_regex(call, site, &ARG(call, 1, Str, i), flags, &re));
        TRY(regex_match(call->ctx, re, str_data(s), s->len, 0, NULL, 0, &found));
        OUT(call, uint8_t, i) = found != negate;
    }
    return QN_OK;
}

Status fn_textregexeq(KernelCall *call) { return match_kernel(call, 0, false); }
Status fn_textregexne(KernelCall *call) { return match_kernel(call, 0, true); }
Status fn_texticregexeq(KernelCall *call) { return match_kernel(call, REGEX_ICASE, false); }
Status fn_texticregexne(KernelCall *call) { return match_kernel(call, REGEX_ICASE, true); }
Status fn_nameregexeq(KernelCall *call) { return match_kernel(call, 0, false); }
Status fn_nameregexne(KernelCall *call) { return match_kernel(call, 0, true); }
Status fn_nameicregexeq(KernelCall *call) { return match_kernel(call, REGEX_ICASE, false); }
Status fn_nameicregexne(KernelCall *call) { return match_kernel(call, REGEX_ICASE, true); }

/* Flags given as text; 'g' is reported apart. */
static Status
parse_flags(KernelCall *call, const Str *s, int *flags, bool *global)
{
    const char *p = str_data(s);
    *flags = 0;
    *global = false;
    for (uint32_t i = 0; i < s->len; i++) {
        switch (p[i]) {
        case 'g': *global = true; break;
        case 'b':
            return RAISE(call->ctx, ERR_FEATURE_NOT_SUPPORTED, "basic regular expressions are not supported");
        case 'c': *flags &= ~REGEX_ICASE; break;
        case 'e': *flags |= REGEX_ERE; break;
        case 'i': *flags |= REGEX_ICASE; break;
        case 'm':
        case 'n': *flags |= REGEX_NLSTOP | REGEX_NLANCH; break;
        case 'p': *flags = (*flags | REGEX_NLSTOP) & ~REGEX_NLANCH; break;
        case 'q': *flags |= REGEX_QUOTE; break;
        case 's': *flags &= ~(REGEX_NLSTOP | REGEX_NLANCH); break;
        case 't': *flags &= ~REGEX_EXPANDED; break;
        case 'w': *flags = (*flags | REGEX_NLANCH) & ~REGEX_NLSTOP; break;
        case 'x': *flags |= REGEX_EXPANDED; break;
        default:
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid regular expression option: \"%.*s\"",
                         utf8_char_bytes((unsigned char)p[i]), p + i);
        }
    }
    return QN_OK;
}

static Status
not_global(KernelCall *call, bool global, const char *function)
{
    if (!global) return QN_OK;
    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "%s does not support the \"global\" option", function);
}

/* Text, pattern and flags of a row; flags_arg -1: none. */
typedef struct RowRegex {
    Regex *re;
    const char *text;
    size_t nbytes;
    bool global;
    int ngroups;
    RegexSpan *spans; /* ngroups + 1 */
    uint64_t work;    /* of many short matches */
} RowRegex;

static Status
row_regex(KernelCall *call, Site *site, int row, int flags_arg, RowRegex *out)
{
    int flags = 0;
    const Str *s = &ARG(call, 0, Str, row);
    out->global = false;
    out->work = 0;
    if (flags_arg >= 0 && flags_arg < call->nargs)
        TRY(parse_flags(call, &ARG(call, flags_arg, Str, row), &flags, &out->global));
    TRY(site_regex(call, site, &ARG(call, 1, Str, row), flags, &out->re));
    out->text = str_data(s);
    out->nbytes = s->len;
    out->ngroups = regex_groups(out->re);
    TRY_ALLOC(call->ctx, out->spans, ARENA_ARRAY(call->arena, RegexSpan, out->ngroups + 1));
    return QN_OK;
}

static Status
next_match(KernelCall *call, RowRegex *rx, size_t from, bool *found)
{
    TRY(ctx_count_work(call->ctx, &rx->work, 1024));
    return regex_match(call->ctx, rx->re, rx->text, rx->nbytes, from, rx->spans, rx->ngroups + 1, found);
}

/* Where to search on after the last match: past it, and past one character more if it was empty. -1: at the end. */
static ptrdiff_t
search_on(const RowRegex *rx)
{
    ptrdiff_t to = rx->spans[0].to;
    if (rx->spans[0].from == to) {
        if ((size_t)to >= rx->nbytes) return -1;
        to += utf8_char_bytes((unsigned char)rx->text[to]);
    }
    return to;
}

static Status
add_span(KernelCall *call, ArrayBuilder *b, const RowRegex *rx, RegexSpan s)
{
    Value v = value_null(TYPE_TEXT);
    if (s.from >= 0) v = value_str(TYPE_TEXT, str_make(rx->text + s.from, (size_t)(s.to - s.from)));
    return array_add(call->ctx, b, &v);
}

/* The groups of a match, or the whole where there are none, as an array. */
static Status
match_array(KernelCall *call, const RowRegex *rx, Str *out)
{
    ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
    if (rx->ngroups == 0) TRY(add_span(call, &b, rx, rx->spans[0]));
    for (int g = 1; g <= rx->ngroups; g++) TRY(add_span(call, &b, rx, rx->spans[g]));
    return array_finish_1d(call->ctx, &b, out);
}

Status
fn_regexp_match(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        bool found;
        TRY(row_regex(call, site, i, 2, &rx));
        if (rx.global)
            return err_hint(call->ctx, not_global(call, true, "regexp_match()"),
                            "Use the regexp_matches function instead.");
        TRY(next_match(call, &rx, 0, &found));
        if (found)
            TRY(match_array(call, &rx, &OUT(call, Str, i)));
        else
            out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_regexp_match_no_flags(KernelCall *call) { return fn_regexp_match(call); }

/* Appends a replacement text: \1 .. \9 groups, \& the whole, \\ a backslash. */
static void
add_replacement(StrBuf *b, const RowRegex *rx, const Str *to)
{
    const char *p = str_data(to), *end = p + to->len;
    while (p < end) {
        if (*p != '\\' || p + 1 == end) {
            strbuf_addc(b, *p++);
            continue;
        }
        char c = p[1];
        if (c == '&' || (c >= '1' && c <= '9')) {
            int g = c == '&' ? 0 : c - '0';
            if (g <= rx->ngroups && rx->spans[g].from >= 0)
                strbuf_add(b, rx->text + rx->spans[g].from, (size_t)(rx->spans[g].to - rx->spans[g].from));
            p += 2;
        } else if (c == '\\') {
            strbuf_addc(b, '\\');
            p += 2;
        } else {
            strbuf_addc(b, *p++);
        }
    }
}

/* Replaces the n-th match (0: all) from byte `from` on. */
static Status
replace_row(KernelCall *call, RowRegex *rx, const Str *to, size_t from, int64_t which, int row)
{
    StrBuf b = strbuf_new(call->arena);
    ptrdiff_t at = (ptrdiff_t)from;
    size_t copied = 0;
    int64_t n = 0;
    while (at >= 0) {
        bool found;
        TRY(next_match(call, rx, (size_t)at, &found));
        if (!found) break;
        n++;
        if (which == 0 || n == which) {
            strbuf_add(&b, rx->text + copied, (size_t)rx->spans[0].from - copied);
            add_replacement(&b, rx, to);
            copied = (size_t)rx->spans[0].to;
            if (which != 0) break;
        }
        at = search_on(rx);
    }
    strbuf_add(&b, rx->text + copied, rx->nbytes - copied);
    return out_text(call, row, &b);
}

Status
fn_textregexreplace_noopt(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        TRY(row_regex(call, site, i, -1, &rx));
        TRY(replace_row(call, &rx, &ARG(call, 2, Str, i), 0, 1, i));
    }
    return QN_OK;
}

Status
fn_textregexreplace(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        const Str *flags = &ARG(call, 3, Str, i);
        if (flags->len > 0 && ascii_is_digit(str_data(flags)[0]))
            return err_hint(call->ctx,
                            RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid regular expression option: \"%.*s\"",
                                  1, str_data(flags)),
                            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument "
                            "to integer explicitly.");
        TRY(row_regex(call, site, i, 3, &rx));
        TRY(replace_row(call, &rx, &ARG(call, 2, Str, i), 0, rx.global ? 0 : 1, i));
    }
    return QN_OK;
}

/* An integer argument with a least value; absent: dflt. */
static Status
int_arg(KernelCall *call, int a, int row, int least, int dflt, const char *name, int *out)
{
    *out = dflt;
    if (a >= call->nargs) return QN_OK;
    *out = ARG(call, a, int32_t, row);
    if (*out < least)
        return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": %d", name, *out);
    return QN_OK;
}

/* Byte offset of character position start (from 1); false: past the end. */
static bool
start_offset(const RowRegex *rx, int start, size_t *out)
{
    size_t nchars = utf8_count(rx->text, rx->nbytes);
    if ((size_t)start - 1 > nchars) return false;
    *out = utf8_offset(rx->text, rx->nbytes, (size_t)start - 1);
    return true;
}

/* regexp_replace(text, pattern, replacement, start [, n [, flags]]) */
Status
fn_textregexreplace_extended(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        int start, n;
        size_t from;
        TRY(int_arg(call, 3, i, 1, 1, "start", &start));
        TRY(int_arg(call, 4, i, 0, 1, "n", &n));
        TRY(row_regex(call, site, i, 5, &rx));
        if (call->nargs < 5 && rx.global) n = 0;
        if (!start_offset(&rx, start, &from))
            OUT(call, Str, i) = ARG(call, 0, Str, i);
        else
            TRY(replace_row(call, &rx, &ARG(call, 2, Str, i), from, n, i));
    }
    return QN_OK;
}

Status fn_textregexreplace_extended_no_flags(KernelCall *call) { return fn_textregexreplace_extended(call); }
Status fn_textregexreplace_extended_no_n(KernelCall *call) { return fn_textregexreplace_extended(call); }

/* substring(text from pattern): group 1, or the whole. */
Status
fn_textregexsubstr(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        bool found;
        TRY(row_regex(call, site, i, -1, &rx));
        TRY(next_match(call, &rx, 0, &found));
        RegexSpan s = rx.spans[rx.ngroups > 0 ? 1 : 0];
        if (!found || s.from < 0)
            out_set_null(call, i);
        else
            TRY(str_copy(call->ctx, call->arena, rx.text + s.from, (size_t)(s.to - s.from), &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_regexp_like(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        bool found;
        TRY(row_regex(call, site, i, 2, &rx));
        TRY(not_global(call, rx.global, "regexp_like()"));
        TRY(next_match(call, &rx, 0, &found));
        OUT(call, uint8_t, i) = found;
    }
    return QN_OK;
}

Status fn_regexp_like_no_flags(KernelCall *call) { return fn_regexp_like(call); }

/* regexp_count(text, pattern [, start [, flags]]) */
Status
fn_regexp_count(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        int start;
        size_t from;
        int32_t n = 0;
        TRY(int_arg(call, 2, i, 1, 1, "start", &start));
        TRY(row_regex(call, site, i, 3, &rx));
        TRY(not_global(call, rx.global, "regexp_count()"));
        if (start_offset(&rx, start, &from))
            for (ptrdiff_t at = (ptrdiff_t)from; at >= 0; n++) {
                bool found;
                TRY(next_match(call, &rx, (size_t)at, &found));
                if (!found) break;
                at = search_on(&rx);
            }
        OUT(call, int32_t, i) = n;
    }
    return QN_OK;
}

Status fn_regexp_count_no_start(KernelCall *call) { return fn_regexp_count(call); }
Status fn_regexp_count_no_flags(KernelCall *call) { return fn_regexp_count(call); }

/* The n-th match from start on; *found false: there is none. */
static Status
nth_match(KernelCall *call, RowRegex *rx, int start, int n, bool *found)
{
    size_t from;
    *found = false;
    if (!start_offset(rx, start, &from)) return QN_OK;
    for (ptrdiff_t at = (ptrdiff_t)from; at >= 0; at = search_on(rx)) {
        TRY(next_match(call, rx, (size_t)at, found));
        if (!*found || --n == 0) return QN_OK;
    }
    *found = false;
    return QN_OK;
}

/* regexp_instr(text, pattern [, start [, n [, endoption [, flags [, subexpr]]]]]) */
Status
fn_regexp_instr(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        int start, n, end_option, group;
        bool found;
        TRY(int_arg(call, 2, i, 1, 1, "start", &start));
        TRY(int_arg(call, 3, i, 1, 1, "n", &n));
        TRY(int_arg(call, 4, i, 0, 0, "endoption", &end_option));
        if (end_option > 1)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": %d", "endoption",
                         end_option);
        TRY(int_arg(call, 6, i, 0, 0, "subexpr", &group));
        TRY(row_regex(call, site, i, 5, &rx));
        TRY(not_global(call, rx.global, "regexp_instr()"));
        TRY(nth_match(call, &rx, start, n, &found));
        int32_t at = 0;
        if (found && group <= rx.ngroups && rx.spans[group].from >= 0)
            at = (int32_t)utf8_count(rx.text, (size_t)(end_option ? rx.spans[group].to : rx.spans[group].from)) + 1;
        OUT(call, int32_t, i) = at;
    }
    return QN_OK;
}

Status fn_regexp_instr_no_start(KernelCall *call) { return fn_regexp_instr(call); }
Status fn_regexp_instr_no_n(KernelCall *call) { return fn_regexp_instr(call); }
Status fn_regexp_instr_no_endoption(KernelCall *call) { return fn_regexp_instr(call); }
Status fn_regexp_instr_no_flags(KernelCall *call) { return fn_regexp_instr(call); }
Status fn_regexp_instr_no_subexpr(KernelCall *call) { return fn_regexp_instr(call); }

/* regexp_substr(text, pattern [, start [, n [, flags [, subexpr]]]]) */
Status
fn_regexp_substr(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        int start, n, group;
        bool found;
        TRY(int_arg(call, 2, i, 1, 1, "start", &start));
        TRY(int_arg(call, 3, i, 1, 1, "n", &n));
        TRY(int_arg(call, 5, i, 0, 0, "subexpr", &group));
        TRY(row_regex(call, site, i, 4, &rx));
        TRY(not_global(call, rx.global, "regexp_substr()"));
        TRY(nth_match(call, &rx, start, n, &found));
        RegexSpan s = found && group <= rx.ngroups ? rx.spans[group] : (RegexSpan){-1, -1};
        if (s.from < 0)
            out_set_null(call, i);
        else
            TRY(str_copy(call->ctx, call->arena, rx.text + s.from, (size_t)(s.to - s.from), &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_regexp_substr_no_start(KernelCall *call) { return fn_regexp_substr(call); }
Status fn_regexp_substr_no_n(KernelCall *call) { return fn_regexp_substr(call); }
Status fn_regexp_substr_no_flags(KernelCall *call) { return fn_regexp_substr(call); }
Status fn_regexp_substr_no_subexpr(KernelCall *call) { return fn_regexp_substr(call); }

/* The parts between matches. A match of nothing at the start, or right after the one before, parts nothing. */
static Status
split_row(KernelCall *call, RowRegex *rx, ArrayBuilder *b)
{
    ptrdiff_t at = 0, last = 0;
    while (at >= 0 && (size_t)at <= rx->nbytes) {
        bool found;
        TRY(next_match(call, rx, (size_t)at, &found));
        if (!found) break;
        RegexSpan s = rx->spans[0];
        if (s.from == s.to && (s.from == last || (size_t)s.from >= rx->nbytes)) {
            if ((size_t)s.from >= rx->nbytes) break;
            if (s.from == last) {
                at = search_on(rx);
                continue;
            }
        }
        TRY(add_span(call, b, rx, (RegexSpan){last, s.from}));
        last = s.to;
        at = search_on(rx);
    }
    return add_span(call, b, rx, (RegexSpan){last, (ptrdiff_t)rx->nbytes});
}

Status
fn_regexp_split_to_array(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        TRY(row_regex(call, site, i, 2, &rx));
        TRY(not_global(call, rx.global, "regexp_split_to_array()"));
        ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
        TRY(split_row(call, &rx, &b));
        TRY(array_finish_1d(call->ctx, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_regexp_split_to_array_no_flags(KernelCall *call) { return fn_regexp_split_to_array(call); }

/* SIMILAR TO: the pattern as a regular expression, anchored at both ends. A pattern with two escape-doublequote
 * separators names the part that substring() returns. */
static Status
similar_escape(KernelCall *call, const Str *pattern, const Str *escape, Str *out)
{
    const char *p = str_data(pattern), *end = p + pattern->len;
    const char *e = escape != NULL ? str_data(escape) : "\\";
    size_t en = escape != NULL ? escape->len : 1;
    bool after_escape = false, in_bracket = false;
    int separators = 0;
    StrBuf b = strbuf_new(call->arena);
    if (en > 0 && (size_t)utf8_char_bytes((unsigned char)*e) != en)
        return err_hint(call->ctx, RAISE(call->ctx, ERR_INVALID_ESCAPE_SEQUENCE, "invalid escape string"),
                        "Escape string must be empty or one character.");
    strbuf_addz(&b, "^(?:");
    for (size_t n; p < end; p += n) {
        n = (size_t)utf8_char_bytes((unsigned char)*p);
        if (after_escape) {
            if (*p == '"' && !in_bracket) {
                if (separators == 0) {
                    strbuf_addz(&b, "){1,1}?(");
                } else if (separators == 1) {
                    strbuf_addz(&b, "){1,1}(?:");
                } else {
                    return RAISE(call->ctx, ERR_INVALID_USE_OF_ESCAPE_CHARACTER,
                                 "SQL regular expression may not contain more than two escape-double-quote separators");
                }
                separators++;
            } else {
                strbuf_addc(&b, '\\');
                strbuf_add(&b, p, n);
            }
            after_escape = false;
        } else if (en == n && memcmp(p, e, n) == 0) {
            after_escape = true;
        } else if (in_bracket) {
            if (*p == '\\') strbuf_addc(&b, '\\');
            strbuf_add(&b, p, n);
            if (*p == ']') in_bracket = false;
        } else if (*p == '[') {
            strbuf_addc(&b, '[');
            in_bracket = true;
        } else if (*p == '%') {
            strbuf_addz(&b, ".*");
        } else if (*p == '_') {
            strbuf_addc(&b, '.');
        } else if (*p == '(') {
            strbuf_addz(&b, "(?:");
        } else if (*p == '\\' || *p == '.' || *p == '^' || *p == '$') {
            strbuf_addc(&b, '\\');
            strbuf_addc(&b, *p);
        } else {
            strbuf_add(&b, p, n);
        }
    }
    strbuf_addz(&b, ")$");
    if (b.failed) return RAISE_OOM(call->ctx);
    *out = str_make(b.data, b.nbytes);
    return QN_OK;
}

Status
fn_similar_to_escape_2(KernelCall *call)
{
    ROWS (call, i)
        TRY(similar_escape(call, &ARG(call, 0, Str, i), &ARG(call, 1, Str, i), &OUT(call, Str, i)));
    return QN_OK;
}

Status
fn_similar_to_escape_1(KernelCall *call)
{
    ROWS (call, i) TRY(similar_escape(call, &ARG(call, 0, Str, i), NULL, &OUT(call, Str, i)));
    return QN_OK;
}

/* Not strict: a NULL escape means the backslash. */
Status
fn_similar_escape(KernelCall *call)
{
    ROWS (call, i) {
        if (vec_is_null(call->args[0], i)) {
            out_set_null(call, i);
            continue;
        }
        const Str *escape = vec_is_null(call->args[1], i) ? NULL : &ARG(call, 1, Str, i);
        TRY(similar_escape(call, &ARG(call, 0, Str, i), escape, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* substring(text similar pattern escape e) */
Status
fn_textregexsubstr_similar(KernelCall *call)
{
    Site *site;
    TRY(site_of(call, &site));
    ROWS (call, i) {
        RowRegex rx;
        bool found;
        Str pattern;
        const Str *s = &ARG(call, 0, Str, i);
        TRY(similar_escape(call, &ARG(call, 1, Str, i), &ARG(call, 2, Str, i), &pattern));
        TRY(site_regex(call, site, &pattern, 0, &rx.re));
        rx.text = str_data(s);
        rx.nbytes = s->len;
        rx.ngroups = regex_groups(rx.re);
        TRY_ALLOC(call->ctx, rx.spans, ARENA_ARRAY(call->arena, RegexSpan, rx.ngroups + 1));
        TRY(next_match(call, &rx, 0, &found));
        RegexSpan part = rx.spans[rx.ngroups > 0 ? 1 : 0];
        if (!found || part.from < 0)
            out_set_null(call, i);
        else
            TRY(str_copy(call->ctx, call->arena, rx.text + part.from, (size_t)(part.to - part.from),
                         &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* Set-returning: regexp_matches, regexp_split_to_table. All rows are made when the function is opened. */
typedef struct RegexRows {
    Str *rows;
    int n, cap, at;
} RegexRows;

/* Runs a kernel-like body over one row of argument values. */
static Status
rows_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, bool split, void **state_out)
{
    RegexRows *rows;
    Vector vec[3], *argv[3];
    Value copy[3];
    TRY_ALLOC(ctx, rows, ARENA_NEW(arena, RegexRows));
    *state_out = rows;
    for (int a = 0; a < nargs && a < 3; a++) {
        if (args[a].is_null) return QN_OK;
        copy[a] = args[a];
        vec_init(&vec[a], arg_types[a], PHYS_STR, &copy[a].str, NULL);
        vec[a].shape = VEC_CONST;
        argv[a] = &vec[a];
    }
    KernelCall call = {.ctx = ctx, .arena = arena, .nargs = nargs, .args = argv, .n = 1, .arg_types = arg_types,
                       .out_typmod = -1, .state_arena = arena};
    Site *site;
    RowRegex rx;
    TRY(site_of(&call, &site));
    TRY(row_regex(&call, site, 0, 2, &rx));
    if (split) {
        ArrayBuilder b = array_builder(arena, TYPE_TEXT);
        Str parts;
        ArrayView view;
        TRY(not_global(&call, rx.global, "regexp_split_to_table()"));
        TRY(split_row(&call, &rx, &b));
        TRY(array_finish_1d(ctx, &b, &parts));
        array_view(&parts, &view);
        TRY_ALLOC(ctx, rows->rows, ARENA_ARRAY(arena, Str, view.nelems));
        for (uint32_t i = 0; i < view.nelems; i++) rows->rows[rows->n++] = array_element(&view, i).str;
        return QN_OK;
    }
    for (ptrdiff_t at = 0; at >= 0; at = rx.global ? search_on(&rx) : -1) {
        bool found;
        TRY(next_match(&call, &rx, (size_t)at, &found));
        if (!found) break;
        if (rows->n == rows->cap) {
            int cap = rows->cap != 0 ? rows->cap * 2 : 4;
            Str *p = arena_realloc(arena, rows->rows, sizeof(Str) * (size_t)rows->cap, sizeof(Str) * (size_t)cap);
            if (p == NULL) return RAISE_OOM(ctx);
            rows->rows = p;
            rows->cap = cap;
        }
        TRY(match_array(&call, &rx, &rows->rows[rows->n++]));
    }
    return QN_OK;
}

static Status
rows_next(void *state, Vector **out, int *n_out)
{
    RegexRows *rows = state;
    int n = 0;
    for (; n < BATCH_ROWS && rows->at < rows->n; n++) ((Str *)out[0]->data)[n] = rows->rows[rows->at++];
    *n_out = n;
    return QN_OK;
}

#define REGEX_ROWS(NAME, SPLIT)                                                                    \
    Status srf_##NAME##_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, \
                             void **state_out)                                                     \
    {                                                                                              \
        return rows_open(ctx, arena, args, nargs, arg_types, SPLIT, state_out);                    \
    }                                                                                              \
    Status srf_##NAME##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)        \
    {                                                                                              \
        (void)ctx, (void)arena;                                                                    \
        return rows_next(state, out, n_out);                                                       \
    }
REGEX_ROWS(regexp_matches, false)
REGEX_ROWS(regexp_matches_no_flags, false)
REGEX_ROWS(regexp_split_to_table, true)
REGEX_ROWS(regexp_split_to_table_no_flags, true)
