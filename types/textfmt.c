/* textfmt.c - kernels that print values into text: concat, ||, format, the quoting functions. */
#include "types/kernel.h"
#include "types/textfn.h"
#include "types/textops.h"
#include <stdlib.h>

static const char *const quote_words[] = {
#define WORD(text) text,
#include "types/quote_words.def"
#undef WORD
};

static int
compare_word(const void *key, const void *entry)
{
    const Str *s = key;
    const char *word = *(const char *const *)entry;
    size_t n = strlen(word);
    int c = memcmp(str_data(s), word, s->len < n ? s->len : n);
    return c != 0 ? c : (s->len > n) - (s->len < n);
}

void
text_add_ident(StrBuf *b, const char *s, size_t nbytes)
{
    bool plain = nbytes > 0 && ((s[0] >= 'a' && s[0] <= 'z') || s[0] == '_');
    for (size_t i = 0; plain && i < nbytes; i++)
        plain = (s[i] >= 'a' && s[i] <= 'z') || s[i] == '_' || ascii_is_digit(s[i]);
    if (plain) {
        Str key = str_make(s, nbytes);
        plain = bsearch(&key, quote_words, sizeof(quote_words) / sizeof(quote_words[0]),
                        sizeof(quote_words[0]), compare_word) == NULL;
    }
    if (plain) {
        strbuf_add(b, s, nbytes);
        return;
    }
    strbuf_addc(b, '"');
    for (size_t i = 0; i < nbytes; i++) {
        if (s[i] == '"') strbuf_addc(b, '"');
        strbuf_addc(b, s[i]);
    }
    strbuf_addc(b, '"');
}

void
text_add_literal(StrBuf *b, const char *s, size_t nbytes)
{
    if (nbytes > 0 && memchr(s, '\\', nbytes) != NULL) strbuf_addc(b, 'E');
    strbuf_addc(b, '\'');
    for (size_t i = 0; i < nbytes; i++) {
        if (s[i] == '\'' || s[i] == '\\') strbuf_addc(b, s[i]);
        strbuf_addc(b, s[i]);
    }
    strbuf_addc(b, '\'');
}

Status
arg_add_text(KernelCall *call, int a, int row, StrBuf *b)
{
    const Vector *v = call->args[a];
    if (v->type == TYPE_TEXT || v->type == TYPE_VARCHAR || v->type == TYPE_UNKNOWN || v->type == TYPE_NAME ||
        v->type == TYPE_BPCHAR) {
        const Str *s = &ARG(call, a, Str, row);
        strbuf_add(b, str_data(s), s->len);
        return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
    }
    Value value = vec_get(v, row);
    return value_out(call->ctx, b, &value);
}

static bool
arg_is_null(const KernelCall *call, int a, int row)
{
    return vec_is_null(call->args[a], row);
}

Status
fn_text_concat(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        for (int a = 0; a < call->nargs; a++)
            if (!arg_is_null(call, a, i)) TRY(arg_add_text(call, a, i, &b));
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status
fn_text_concat_ws(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        bool any = false;
        if (arg_is_null(call, 0, i)) {
            out_set_null(call, i);
            continue;
        }
        for (int a = 1; a < call->nargs; a++) {
            if (arg_is_null(call, a, i)) continue;
            if (any) TRY(arg_add_text(call, 0, i, &b));
            any = true;
            TRY(arg_add_text(call, a, i, &b));
        }
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

/* text || any value, any value || text */
static Status
cat_values(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        TRY(arg_add_text(call, 0, i, &b));
        TRY(arg_add_text(call, 1, i, &b));
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status fn_textanycat(KernelCall *call) { return cat_values(call); }
Status fn_anytextcat(KernelCall *call) { return cat_values(call); }

Status
fn_quote_ident(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        StrBuf b = strbuf_new(call->arena);
        text_add_ident(&b, str_data(s), s->len);
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

static Status
quote_row(KernelCall *call, int i)
{
    StrBuf text = strbuf_new(call->arena), b = strbuf_new(call->arena);
    TRY(arg_add_text(call, 0, i, &text));
    text_add_literal(&b, text.data, text.nbytes);
    return out_text(call, i, &b);
}

Status
fn_quote_literal(KernelCall *call)
{
    ROWS (call, i) TRY(quote_row(call, i));
    return QN_OK;
}

Status fn_quote_literal_any(KernelCall *call) { return fn_quote_literal(call); }

Status
fn_quote_nullable(KernelCall *call)
{
    ROWS (call, i) {
        if (arg_is_null(call, 0, i))
            OUT(call, Str, i) = str_make("NULL", 4);
        else
            TRY(quote_row(call, i));
    }
    return QN_OK;
}

Status fn_quote_nullable_any(KernelCall *call) { return fn_quote_nullable(call); }

/* format(): %[position$][-][width|*|*n$](s|I|L|%) */

typedef struct Spec {
    int position; /* argument, 0: the next one */
    bool left, width_from_arg;
    int width_position;
    int64_t width;
    char kind;
} Spec;

static Status
early_end(KernelCall *call)
{
    return err_hint(call->ctx,
                    RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "unterminated format() type specifier"),
                    "For a single \"%%\" use \"%%%%\".");
}

static Status
parse_digits(KernelCall *call, const char **p, const char *end, bool *found, int64_t *out)
{
    *found = false;
    *out = 0;
    while (*p < end && ascii_is_digit(**p)) {
        *out = *out * 10 + (**p - '0');
        if (*out > INT32_MAX)
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range");
        *found = true;
        (*p)++;
        if (*p == end) return early_end(call);
    }
    return QN_OK;
}

static Status
zero_argument(KernelCall *call)
{
    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                 "format specifies argument 0, but arguments are numbered from 1");
}

/* *p stands after the percent sign. */
static Status
parse_spec(KernelCall *call, const char **p, const char *end, Spec *spec)
{
    bool found;
    int64_t v;
    *spec = (Spec){0};
    if (*p == end) return early_end(call);
    TRY(parse_digits(call, p, end, &found, &v));
    if (found) {
        if (**p != '$') {
            spec->width = v;
            spec->kind = **p;
            return QN_OK;
        }
        if (v == 0) return zero_argument(call);
        spec->position = (int)v;
        if (++*p == end) return early_end(call);
    }
    while (**p == '-') {
        spec->left = true;
        if (++*p == end) return early_end(call);
    }
    if (**p == '*') {
        if (++*p == end) return early_end(call);
        spec->width_from_arg = true;
        TRY(parse_digits(call, p, end, &found, &v));
        if (found) {
            if (**p != '$')
                return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                             "width argument position must be ended by \"$\"");
            if (v == 0) return zero_argument(call);
            spec->width_position = (int)v;
            if (++*p == end) return early_end(call);
        }
    } else {
        TRY(parse_digits(call, p, end, &found, &v));
        if (found) spec->width = v;
    }
    spec->kind = **p;
    return QN_OK;
}

static Status
too_few(KernelCall *call)
{
    return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "too few arguments for format()");
}

static Status
spec_width(KernelCall *call, Spec *spec, int row, int *arg)
{
    if (!spec->width_from_arg) return QN_OK;
    int a = spec->width_position > 0 ? spec->width_position : *arg + 1;
    if (a >= call->nargs) return too_few(call);
    *arg = a;
    spec->width = 0;
    if (arg_is_null(call, a, row)) return QN_OK;
    Value v = vec_get(call->args[a], row);
    switch (v.phys) {
    case PHYS_I16: spec->width = v.i16; break;
    case PHYS_I32: spec->width = v.i32; break;
    default: {
        StrBuf b = strbuf_new(call->arena);
        Value n;
        TRY(value_out(call->ctx, &b, &v));
        TRY(value_in(call->ctx, call->arena, b.data, b.nbytes, TYPE_INT4, -1, &n));
        spec->width = n.i32;
    }
    }
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    return QN_OK;
}

static Status
add_spec(KernelCall *call, StrBuf *b, Spec *spec, int row, int *arg)
{
    StrBuf text = strbuf_new(call->arena), shown = strbuf_new(call->arena);
    TRY(spec_width(call, spec, row, arg));
    int a = spec->position > 0 ? spec->position : *arg + 1;
    if (spec->kind != 's' && spec->kind != 'I' && spec->kind != 'L')
        return err_hint(call->ctx,
                        RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE,
                              "unrecognized format() type specifier \"%c\"", spec->kind),
                        "For a single \"%%\" use \"%%%%\".");
    if (a >= call->nargs) return too_few(call);
    *arg = a;
    if (arg_is_null(call, a, row)) {
        if (spec->kind == 'I')
            return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED,
                         "null values cannot be formatted as an SQL identifier");
        if (spec->kind == 'L') strbuf_addz(&shown, "NULL");
    } else {
        TRY(arg_add_text(call, a, row, &text));
        if (spec->kind == 's')
            shown = text;
        else if (spec->kind == 'I')
            text_add_ident(&shown, text.data, text.nbytes);
        else
            text_add_literal(&shown, text.data, text.nbytes);
    }
    if (shown.failed) return RAISE_OOM(call->ctx);
    int64_t nchars = spec->width > 0 ? (int64_t)utf8_count(shown.data, shown.nbytes) : 0;
    if (spec->width > 0x3FFFFFFF) return text_too_long(call->ctx);
    if (!spec->left)
        for (int64_t i = nchars; i < spec->width; i++) strbuf_addc(b, ' ');
    strbuf_add(b, shown.data, shown.nbytes);
    if (spec->left)
        for (int64_t i = nchars; i < spec->width; i++) strbuf_addc(b, ' ');
    return b->failed ? RAISE_OOM(call->ctx) : QN_OK;
}

Status
fn_text_format(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        int arg = 0;
        if (arg_is_null(call, 0, i)) {
            out_set_null(call, i);
            continue;
        }
        const Str *fmt = &ARG(call, 0, Str, i);
        const char *p = str_data(fmt), *end = p + fmt->len;
        while (p < end) {
            const char *percent = memchr(p, '%', (size_t)(end - p));
            Spec spec;
            if (percent == NULL) percent = end;
            strbuf_add(&b, p, (size_t)(percent - p));
            if (percent == end) break;
            p = percent + 1;
            if (p < end && *p == '%') {
                strbuf_addc(&b, '%');
                p++;
                continue;
            }
            TRY(parse_spec(call, &p, end, &spec));
            TRY(add_spec(call, &b, &spec, i, &arg));
            p++;
        }
        TRY(out_text(call, i, &b));
    }
    return QN_OK;
}

Status fn_text_format_nv(KernelCall *call) { return fn_text_format(call); }
