/* strings.c - kernels of the string functions: parts, padding, trimming, replacing, case, splitting. */
#include "types/array.h"
#include "types/kernel.h"
#include "types/textfn.h"
#include "types/textops.h"
#include <stdio.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

enum { TEXT_BYTES_MAX = 0x3FFFFFFF };

Status
text_too_long(Ctx *ctx)
{
    return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
}

/* Room for n bytes of a result: small ones are built on the caller's stack and end up inside the view. */
#define TEXT_BUF(call, p, small, n)                                                                \
    do {                                                                                           \
        if ((size_t)(n) <= STR_INLINE_MAX)                                                         \
            (p) = (small);                                                                         \
        else if ((size_t)(n) > TEXT_BYTES_MAX)                                                     \
            return text_too_long((call)->ctx);                                                     \
        else                                                                                       \
            TRY_ALLOC((call)->ctx, (p), arena_alloc((call)->arena, (size_t)(n)));                   \
    } while (0)

Status
fn_textcat(KernelCall *call)
{
    ROWS (call, i) {
        const Str *a = &ARG(call, 0, Str, i), *b = &ARG(call, 1, Str, i);
        size_t n = (size_t)a->len + b->len;
        char small[STR_INLINE_MAX], *p;
        TEXT_BUF(call, p, small, n);
        memcpy(p, str_data(a), a->len);
        memcpy(p + a->len, str_data(b), b->len);
        OUT(call, Str, i) = str_make(p, n);
    }
    return QN_OK;
}

Status
fn_byteacat(KernelCall *call)
{
    return fn_textcat(call);
}

/* Case. One code point may change its length in bytes, not its number. */

typedef enum CaseKind { CASE_LOWER, CASE_UPPER, CASE_INITCAP } CaseKind;

static bool
is_ascii(const char *s, size_t n)
{
    unsigned char any = 0;
    for (size_t i = 0; i < n; i++) any |= (unsigned char)s[i];
    return any < 0x80;
}

static void
case_ascii(const char *s, size_t n, char *out, CaseKind kind)
{
    bool in_word = false;
    if (kind == CASE_LOWER) {
        for (size_t i = 0; i < n; i++) out[i] = ascii_lower(s[i]);
    } else if (kind == CASE_UPPER) {
        for (size_t i = 0; i < n; i++) out[i] = ascii_upper(s[i]);
    } else {
        for (size_t i = 0; i < n; i++) {
            out[i] = in_word ? ascii_lower(s[i]) : ascii_upper(s[i]);
            in_word = ascii_is_alpha(s[i]) || ascii_is_digit(s[i]);
        }
    }
}

static size_t
case_unicode(const char *s, size_t n, char *out, CaseKind kind)
{
    const char *end = s + n;
    char *q = out;
    bool in_word = false;
    while (s < end) {
        uint32_t cp;
        s += utf8_decode(s, end, &cp);
        bool lower = kind == CASE_LOWER || (kind == CASE_INITCAP && in_word);
        UChar32 mapped = lower ? u_tolower((UChar32)cp) : u_toupper((UChar32)cp);
        q += utf8_encode((uint32_t)mapped, q);
        in_word = u_isalnum((UChar32)cp);
    }
    return (size_t)(q - out);
}

static Status
case_kernel(KernelCall *call, CaseKind kind)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        const char *data = str_data(s);
        char small[STR_INLINE_MAX], *p;
        if (is_ascii(data, s->len)) {
            TEXT_BUF(call, p, small, s->len);
            case_ascii(data, s->len, p, kind);
            OUT(call, Str, i) = str_make(p, s->len);
        } else {
            TRY_ALLOC(call->ctx, p, arena_alloc(call->arena, (size_t)s->len * 2 + 4));
            OUT(call, Str, i) = str_make(p, case_unicode(data, s->len, p, kind));
        }
    }
    return QN_OK;
}

Status fn_lower(KernelCall *call) { return case_kernel(call, CASE_LOWER); }
Status fn_upper(KernelCall *call) { return case_kernel(call, CASE_UPPER); }
Status fn_initcap(KernelCall *call) { return case_kernel(call, CASE_INITCAP); }

Status
text_lower(Ctx *ctx, Arena *arena, const char *s, size_t nbytes, Str *out)
{
    char *p;
    TRY_ALLOC(ctx, p, arena_alloc(arena, nbytes * 2 + 4));
    if (is_ascii(s, nbytes)) {
        case_ascii(s, nbytes, p, CASE_LOWER);
        *out = str_make(p, nbytes);
    } else {
        *out = str_make(p, case_unicode(s, nbytes, p, CASE_LOWER));
    }
    return QN_OK;
}

/* Parts. A part of a string is a view on it. */

static Str
sub_view(const Str *s, size_t from, size_t to)
{
    return str_make(str_data(s) + from, to - from);
}

/* Characters [start, start + len), start counted from 1; positions before the string count but are empty. */
static Status
substr(Ctx *ctx, const Str *s, int32_t start, int64_t len, bool has_len, bool bytes, Str *out)
{
    int64_t from = start, to = INT64_MAX;
    if (has_len) {
        if (len < 0) return RAISE(ctx, ERR_SUBSTRING_ERROR, "negative substring length not allowed");
        to = from + len;
    }
    if (from < 1) from = 1;
    if (to <= from) {
        *out = str_make("", 0);
        return QN_OK;
    }
    size_t first = (size_t)(from - 1), count = to == INT64_MAX ? SIZE_MAX : (size_t)(to - from);
    if (bytes) {
        size_t a = first < s->len ? first : s->len, b = count < s->len - a ? a + count : s->len;
        *out = sub_view(s, a, b);
        return QN_OK;
    }
    const char *p = str_data(s);
    size_t a = utf8_offset(p, s->len, first);
    size_t b = count >= s->len - a ? s->len : a + utf8_offset(p + a, s->len - a, count);
    *out = sub_view(s, a, b);
    return QN_OK;
}

static Status
substr_kernel(KernelCall *call, bool bytes)
{
    ROWS (call, i) {
        bool has_len = call->nargs > 2;
        TRY(substr(call->ctx, &ARG(call, 0, Str, i), ARG(call, 1, int32_t, i),
                   has_len ? ARG(call, 2, int32_t, i) : 0, has_len, bytes, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_text_substr(KernelCall *call) { return substr_kernel(call, false); }
Status fn_text_substr_no_len(KernelCall *call) { return substr_kernel(call, false); }
Status fn_bytea_substr(KernelCall *call) { return substr_kernel(call, true); }
Status fn_bytea_substr_no_len(KernelCall *call) { return substr_kernel(call, true); }

static Status
overlay_kernel(KernelCall *call, bool bytes)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *r = &ARG(call, 1, Str, i);
        int32_t start = ARG(call, 2, int32_t, i), end;
        int32_t len = call->nargs > 3 ? ARG(call, 3, int32_t, i)
                      : bytes         ? (int32_t)r->len
                                      : (int32_t)utf8_count(str_data(r), r->len);
        Str head, tail;
        if (start <= 0)
            return RAISE(call->ctx, ERR_SUBSTRING_ERROR, "negative substring length not allowed");
        if (__builtin_add_overflow(start, len, &end))
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        TRY(substr(call->ctx, s, 1, start - 1, true, bytes, &head));
        TRY(substr(call->ctx, s, end, 0, false, bytes, &tail));
        size_t n = (size_t)head.len + r->len + tail.len;
        char small[STR_INLINE_MAX], *p;
        TEXT_BUF(call, p, small, n);
        memcpy(p, str_data(&head), head.len);
        memcpy(p + head.len, str_data(r), r->len);
        memcpy(p + head.len + r->len, str_data(&tail), tail.len);
        OUT(call, Str, i) = str_make(p, n);
    }
    return QN_OK;
}

Status fn_textoverlay(KernelCall *call) { return overlay_kernel(call, false); }
Status fn_textoverlay_no_len(KernelCall *call) { return overlay_kernel(call, false); }
Status fn_byteaoverlay(KernelCall *call) { return overlay_kernel(call, true); }
Status fn_byteaoverlay_no_len(KernelCall *call) { return overlay_kernel(call, true); }

/* Byte offset of needle in s from an offset on; -1: not there. An empty needle is found at once. */
static ptrdiff_t
find(const Str *s, size_t from, const Str *needle)
{
    if (needle->len == 0) return (ptrdiff_t)from;
    if (from >= s->len) return -1;
    const char *p = str_data(s);
    const char *at = memmem(p + from, s->len - from, str_data(needle), needle->len);
    return at == NULL ? -1 : at - p;
}

Status
fn_textpos(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        ptrdiff_t at = find(s, 0, &ARG(call, 1, Str, i));
        OUT(call, int32_t, i) = at < 0 ? 0 : (int32_t)utf8_count(str_data(s), (size_t)at) + 1;
    }
    return QN_OK;
}

Status
fn_byteapos(KernelCall *call)
{
    ROWS (call, i)
        OUT(call, int32_t, i) = (int32_t)(find(&ARG(call, 0, Str, i), 0, &ARG(call, 1, Str, i)) + 1);
    return QN_OK;
}

/* Number of characters kept from the front, where n may count from the other end. */
static size_t
front_offset(const Str *s, int64_t n)
{
    const char *p = str_data(s);
    if (n >= 0) return utf8_offset(p, s->len, (size_t)n);
    int64_t keep = (int64_t)utf8_count(p, s->len) + n;
    return keep <= 0 ? 0 : utf8_offset(p, s->len, (size_t)keep);
}

Status
fn_text_left(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        OUT(call, Str, i) = sub_view(s, 0, front_offset(s, ARG(call, 1, int32_t, i)));
    }
    return QN_OK;
}

Status
fn_text_right(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int64_t n = ARG(call, 1, int32_t, i); /* the last n are what follows the first -n */
        OUT(call, Str, i) = sub_view(s, n == 0 ? s->len : front_offset(s, -n), s->len);
    }
    return QN_OK;
}

static Status
pad_kernel(KernelCall *call, bool left)
{
    static const Str blank = {.len = 1, .prefix = " "};
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        const Str *fill = call->nargs > 2 ? &ARG(call, 2, Str, i) : &blank;
        int64_t want = ARG(call, 1, int32_t, i), have = (int64_t)utf8_count(str_data(s), s->len);
        if (want < 0) want = 0;
        if (want <= have || fill->len == 0) {
            OUT(call, Str, i) = sub_view(s, 0, utf8_offset(str_data(s), s->len, (size_t)want));
            continue;
        }
        size_t fill_chars = utf8_count(str_data(fill), fill->len), missing = (size_t)(want - have);
        size_t rest = utf8_offset(str_data(fill), fill->len, missing % fill_chars);
        size_t fill_bytes = missing / fill_chars * fill->len + rest, n = s->len + fill_bytes;
        char small[STR_INLINE_MAX], *p, *q;
        TEXT_BUF(call, p, small, n);
        q = left ? p : p + s->len;
        for (size_t k = 0; k < missing / fill_chars; k++, q += fill->len) memcpy(q, str_data(fill), fill->len);
        memcpy(q, str_data(fill), rest);
        memcpy(left ? p + fill_bytes : p, str_data(s), s->len);
        OUT(call, Str, i) = str_make(p, n);
    }
    return QN_OK;
}

Status fn_lpad(KernelCall *call) { return pad_kernel(call, true); }
Status fn_rpad(KernelCall *call) { return pad_kernel(call, false); }

/* Trimming: characters of a set go from one or both ends. */

static bool
set_has(const Str *set, const char *c, size_t n)
{
    const char *p = str_data(set), *end = p + set->len;
    for (; p < end; p += utf8_char_bytes((unsigned char)*p))
        if ((size_t)utf8_char_bytes((unsigned char)*p) == n && memcmp(p, c, n) == 0) return true;
    return false;
}

static Str
trim(const Str *s, const Str *set, bool left, bool right, bool bytes)
{
    const char *p = str_data(s), *end = p + s->len;
    if (left)
        while (p < end) {
            size_t n = bytes ? 1 : (size_t)utf8_char_bytes((unsigned char)*p);
            if (bytes ? memchr(str_data(set), *p, set->len) == NULL : !set_has(set, p, n)) break;
            p += n;
        }
    if (right)
        while (end > p) {
            const char *c = end - 1;
            if (!bytes)
                while (c > p && ((unsigned char)*c & 0xC0) == 0x80) c--;
            if (bytes ? memchr(str_data(set), *c, set->len) == NULL : !set_has(set, c, (size_t)(end - c)))
                break;
            end = c;
        }
    return str_make(p, (size_t)(end - p));
}

static Status
trim_kernel(KernelCall *call, bool left, bool right, bool bytes)
{
    static const Str blank = {.len = 1, .prefix = " "};
    ROWS (call, i)
        OUT(call, Str, i) = trim(&ARG(call, 0, Str, i), call->nargs > 1 ? &ARG(call, 1, Str, i) : &blank,
                                 left, right, bytes);
    return QN_OK;
}

Status fn_btrim(KernelCall *call) { return trim_kernel(call, true, true, false); }
Status fn_btrim1(KernelCall *call) { return trim_kernel(call, true, true, false); }
Status fn_ltrim(KernelCall *call) { return trim_kernel(call, true, false, false); }
Status fn_ltrim1(KernelCall *call) { return trim_kernel(call, true, false, false); }
Status fn_rtrim(KernelCall *call) { return trim_kernel(call, false, true, false); }
Status fn_rtrim1(KernelCall *call) { return trim_kernel(call, false, true, false); }
Status fn_byteatrim(KernelCall *call) { return trim_kernel(call, true, true, true); }
Status fn_bytealtrim(KernelCall *call) { return trim_kernel(call, true, false, true); }
Status fn_byteartrim(KernelCall *call) { return trim_kernel(call, false, true, true); }

Status
fn_repeat(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        int32_t times = ARG(call, 1, int32_t, i);
        size_t n = times <= 0 ? 0 : (size_t)s->len * (size_t)times, done = s->len;
        char small[STR_INLINE_MAX], *p;
        TEXT_BUF(call, p, small, n);
        if (n > 0) {
            memcpy(p, str_data(s), s->len);
            for (; done < n; done *= 2) memcpy(p + done, p, done < n - done ? done : n - done);
        }
        OUT(call, Str, i) = str_make(p, n);
    }
    return QN_OK;
}

Status
fn_replace_text(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *from = &ARG(call, 1, Str, i), *to = &ARG(call, 2, Str, i);
        ptrdiff_t at = from->len == 0 ? -1 : find(s, 0, from);
        if (at < 0) {
            OUT(call, Str, i) = *s;
            continue;
        }
        StrBuf b = strbuf_new(call->arena);
        size_t done = 0;
        uint64_t work = 0;
        const char *p = str_data(s);
        for (; at >= 0; at = find(s, done, from)) {
            TRY(ctx_count_work(call->ctx, &work, (size_t)at - done + 64));
            strbuf_add(&b, p + done, (size_t)at - done);
            strbuf_add(&b, str_data(to), to->len);
            done = (size_t)at + from->len;
            if (b.nbytes > TEXT_BYTES_MAX) return text_too_long(call->ctx);
        }
        strbuf_add(&b, p + done, s->len - done);
        if (b.failed) return RAISE_OOM(call->ctx);
        OUT(call, Str, i) = str_make(b.data, b.nbytes);
    }
    return QN_OK;
}

Status
fn_text_reverse(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        const char *p = str_data(s), *end = p + s->len;
        char small[STR_INLINE_MAX], *q;
        TEXT_BUF(call, q, small, s->len);
        char *at = q + s->len;
        while (p < end) {
            int n = utf8_char_bytes((unsigned char)*p);
            at -= n;
            memcpy(at, p, (size_t)n);
            p += n;
        }
        OUT(call, Str, i) = str_make(q, s->len);
    }
    return QN_OK;
}

/* Each character of `from` becomes the one at its place in `to`, or goes where `to` is shorter. */
Status
fn_translate(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *from = &ARG(call, 1, Str, i), *to = &ARG(call, 2, Str, i);
        const char *p = str_data(s), *end = p + s->len;
        const char *f0 = str_data(from), *f_end = f0 + from->len;
        const char *t0 = str_data(to), *t_end = t0 + to->len;
        StrBuf b = strbuf_new(call->arena);
        while (p < end) {
            size_t n = (size_t)utf8_char_bytes((unsigned char)*p);
            const char *f = f0, *t = t0;
            while (f < f_end) {
                size_t m = (size_t)utf8_char_bytes((unsigned char)*f);
                if (m == n && memcmp(f, p, n) == 0) break;
                f += m;
                if (t < t_end) t += utf8_char_bytes((unsigned char)*t);
            }
            if (f >= f_end)
                strbuf_add(&b, p, n);
            else if (t < t_end)
                strbuf_add(&b, t, (size_t)utf8_char_bytes((unsigned char)*t));
            p += n;
        }
        if (b.failed) return RAISE_OOM(call->ctx);
        OUT(call, Str, i) = str_make(b.data != NULL ? b.data : "", b.nbytes);
    }
    return QN_OK;
}

Status
fn_split_part(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *sep = &ARG(call, 1, Str, i);
        int64_t field = ARG(call, 2, int32_t, i);
        if (field == 0)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "field position must not be zero");
        Str *out = &OUT(call, Str, i);
        *out = str_make("", 0);
        if (s->len == 0) continue;
        if (sep->len == 0) {
            if (field == 1 || field == -1) *out = *s;
            continue;
        }
        if (field < 0) {
            int64_t parts = 1;
            for (ptrdiff_t at = find(s, 0, sep); at >= 0; at = find(s, (size_t)at + sep->len, sep)) parts++;
            field += parts + 1;
            if (field < 1) continue;
        }
        size_t from = 0;
        ptrdiff_t at = find(s, 0, sep);
        while (--field > 0 && at >= 0) {
            from = (size_t)at + sep->len;
            at = find(s, from, sep);
        }
        if (field > 0) continue;
        *out = sub_view(s, from, at < 0 ? s->len : (size_t)at);
    }
    return QN_OK;
}

/* The parts of s between separators, added to an array. sep NULL: each character. Parts equal to null_text are NULL. */
Status
text_split(Ctx *ctx, ArrayBuilder *b, const Str *s, const Str *sep, const Str *null_text)
{
    size_t from = 0;
    if (s->len == 0) return QN_OK;
    for (;;) {
        size_t to, next;
        if (sep == NULL) {
            if (from >= s->len) return QN_OK;
            to = next = from + (size_t)utf8_char_bytes((unsigned char)str_data(s)[from]);
        } else {
            ptrdiff_t at = sep->len == 0 ? -1 : find(s, from, sep);
            to = at < 0 ? s->len : (size_t)at;
            next = to + sep->len;
        }
        Value v = value_str(TYPE_TEXT, sub_view(s, from, to));
        v.is_null = null_text != NULL && str_eq(&v.str, null_text);
        TRY(array_add(ctx, b, &v));
        if (sep != NULL && to == s->len) return QN_OK;
        from = next;
    }
}

Status
fn_text_to_array(KernelCall *call)
{
    ROWS (call, i) {
        if (vec_is_null(call->args[0], i)) {
            out_set_null(call, i);
            continue;
        }
        const Str *sep = vec_is_null(call->args[1], i) ? NULL : &ARG(call, 1, Str, i);
        const Str *null_text = call->nargs > 2 && !vec_is_null(call->args[2], i) ? &ARG(call, 2, Str, i) : NULL;
        ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
        TRY(text_split(call->ctx, &b, &ARG(call, 0, Str, i), sep, null_text));
        TRY(array_finish_1d(call->ctx, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_text_to_array_null(KernelCall *call) { return fn_text_to_array(call); }

Status
fn_text_starts_with(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i), *head = &ARG(call, 1, Str, i);
        OUT(call, uint8_t, i) =
            s->len >= head->len && memcmp(str_data(s), str_data(head), head->len) == 0;
    }
    return QN_OK;
}

/* Characters and their numbers. */

Status
fn_ascii(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        uint32_t cp = 0;
        if (s->len > 0) utf8_decode(str_data(s), str_data(s) + s->len, &cp);
        OUT(call, int32_t, i) = (int32_t)cp;
    }
    return QN_OK;
}

Status
fn_chr(KernelCall *call)
{
    ROWS (call, i) {
        int32_t v = ARG(call, 0, int32_t, i);
        char buf[4];
        if (v < 0)
            return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "character number must be positive");
        if (v == 0) return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "null character not permitted");
        if (v > 0x10FFFF)
            return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                         "requested character too large for encoding: %u", (unsigned)v);
        int n = utf8_encode((uint32_t)v, buf);
        if (n == 0)
            return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED,
                         "requested character not valid for encoding: %u", (unsigned)v);
        OUT(call, Str, i) = str_make(buf, (size_t)n);
    }
    return QN_OK;
}

static Status
to_hex_text(KernelCall *call, int row, uint64_t v)
{
    char buf[16], *p = buf + sizeof(buf);
    do {
        *--p = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v != 0);
    return str_copy(call->ctx, call->arena, p, (size_t)(buf + sizeof(buf) - p), &OUT(call, Str, row));
}

Status
fn_to_hex32(KernelCall *call)
{
    ROWS (call, i) TRY(to_hex_text(call, i, ARG(call, 0, uint32_t, i)));
    return QN_OK;
}

Status
fn_to_hex64(KernelCall *call)
{
    ROWS (call, i) TRY(to_hex_text(call, i, ARG(call, 0, uint64_t, i)));
    return QN_OK;
}

/* unistr: \XXXX, \+XXXXXX, \uXXXX, \UXXXXXXXX, \\ */

static int
hex_value(const char *p, size_t n, uint32_t *out)
{
    uint32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        char c = ascii_lower(p[i]);
        if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f')) return 0;
        v = v << 4 | (uint32_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *out = v;
    return (int)n;
}

static Status
unistr(KernelCall *call, const Str *s, StrBuf *b)
{
    Ctx *ctx = call->ctx;
    const char *p = str_data(s), *end = p + s->len;
    uint32_t high = 0;
    while (p < end) {
        if (*p != '\\') {
            if (high != 0) return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair");
            strbuf_addc(b, *p++);
            continue;
        }
        size_t left = (size_t)(end - p), skip = 0, digits = 0;
        uint32_t cp;
        if (left >= 2 && p[1] == '\\') {
            if (high != 0) return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair");
            strbuf_addc(b, '\\');
            p += 2;
            continue;
        }
        if (left >= 5 && hex_value(p + 1, 4, &cp))
            skip = 1, digits = 4;
        else if (left >= 8 && p[1] == '+' && hex_value(p + 2, 6, &cp))
            skip = 2, digits = 6;
        else if (left >= 6 && p[1] == 'u' && hex_value(p + 2, 4, &cp))
            skip = 2, digits = 4;
        else if (left >= 10 && p[1] == 'U' && hex_value(p + 2, 8, &cp))
            skip = 2, digits = 8;
        else
            return err_hint(ctx, RAISE(ctx, ERR_SYNTAX_ERROR, "invalid Unicode escape"),
                            "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
        p += skip + digits;
        if (cp == 0 || cp > 0x10FFFF) return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid Unicode code point: %04X", cp);
        bool is_high = cp >= 0xD800 && cp < 0xDC00, is_low = cp >= 0xDC00 && cp < 0xE000;
        if ((high != 0) != is_low) return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair");
        if (is_high) {
            high = cp;
            continue;
        }
        if (is_low) cp = 0x10000 + ((high - 0xD800) << 10) + (cp - 0xDC00);
        high = 0;
        char buf[4];
        strbuf_add(b, buf, (size_t)utf8_encode(cp, buf));
    }
    if (high != 0) return RAISE(ctx, ERR_SYNTAX_ERROR, "invalid Unicode surrogate pair");
    return b->failed ? RAISE_OOM(ctx) : QN_OK;
}

Status
fn_unistr(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        TRY(unistr(call, &ARG(call, 0, Str, i), &b));
        OUT(call, Str, i) = str_make(b.data != NULL ? b.data : "", b.nbytes);
    }
    return QN_OK;
}

/* Unicode normal forms, by ICU. */

/* The form is the second argument, NFC where it was left out. */
static Str
form_argument(const KernelCall *call, int i)
{
    return call->nargs > 1 ? ARG(call, 1, Str, i) : str_make("nfc", 3);
}

static Status
normal_form(Ctx *ctx, const Str *form, const UNormalizer2 **out)
{
    static const struct { const char *name; const char *data; UNormalization2Mode mode; } forms[] = {
        {"nfc", "nfc", UNORM2_COMPOSE}, {"nfd", "nfc", UNORM2_DECOMPOSE},
        {"nfkc", "nfkc", UNORM2_COMPOSE}, {"nfkd", "nfkc", UNORM2_DECOMPOSE}};
    UErrorCode err = U_ZERO_ERROR;
    for (int i = 0; i < 4; i++)
        if (strlen(forms[i].name) == form->len &&
            ascii_ncasecmp(forms[i].name, str_data(form), form->len) == 0) {
            *out = unorm2_getInstance(NULL, forms[i].data, forms[i].mode, &err);
            if (U_FAILURE(err)) return RAISE_INTERNAL(ctx, "no Unicode normalization data");
            return QN_OK;
        }
    return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "invalid normalization form: %.*s", (int)form->len,
                 str_data(form));
}

/* UTF-16 of s in the arena. */
static Status
to_utf16(KernelCall *call, const Str *s, UChar **out, int32_t *n_out)
{
    UErrorCode err = U_ZERO_ERROR;
    TRY_ALLOC(call->ctx, *out, arena_alloc(call->arena, ((size_t)s->len + 1) * sizeof(UChar)));
    u_strFromUTF8(*out, (int32_t)s->len + 1, n_out, str_data(s), (int32_t)s->len, &err);
    if (U_FAILURE(err)) return RAISE_INTERNAL(call->ctx, "text is not UTF-8");
    return QN_OK;
}

Status
fn_unicode_normalize_func(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        const UNormalizer2 *norm;
        UChar *u, *v;
        int32_t n, m, nbytes;
        UErrorCode err = U_ZERO_ERROR;
        char *p;
        const Str form = form_argument(call, i);
        TRY(normal_form(call->ctx, &form, &norm));
        if (is_ascii(str_data(s), s->len)) {
            OUT(call, Str, i) = *s;
            continue;
        }
        TRY(to_utf16(call, s, &u, &n));
        int32_t cap = n * 18 + 8; /* the longest decomposition of one unit has 18 */
        TRY_ALLOC(call->ctx, v, arena_alloc(call->arena, (size_t)cap * sizeof(UChar)));
        m = unorm2_normalize(norm, u, n, v, cap, &err);
        TRY_ALLOC(call->ctx, p, arena_alloc(call->arena, (size_t)m * 3 + 1));
        u_strToUTF8(p, m * 3 + 1, &nbytes, v, m, &err);
        if (U_FAILURE(err)) return RAISE_INTERNAL(call->ctx, "Unicode normalization failed");
        OUT(call, Str, i) = str_make(p, (size_t)nbytes);
    }
    return QN_OK;
}

Status
fn_unicode_is_normalized(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        const UNormalizer2 *norm;
        UChar *u;
        int32_t n;
        UErrorCode err = U_ZERO_ERROR;
        const Str form = form_argument(call, i);
        TRY(normal_form(call->ctx, &form, &norm));
        TRY(to_utf16(call, s, &u, &n));
        OUT(call, uint8_t, i) = unorm2_isNormalized(norm, u, n, &err) != 0;
    }
    return QN_OK;
}
