/* typeio.c - types' text and binary forms as functions: int4in, numeric_out, float8send; and parse_ident. */
#include "types/array.h"
#include "types/kernel.h"

/* The type is the function's result, or given by oid where several types share the function. */
Status
fn_type_in(KernelCall *call)
{
    ROWS (call, i) {
        Oid type = call->fn->result;
        const Str *s = &ARG(call, 0, Str, i);
        int32_t typmod = call->nargs > 2 ? ARG(call, 2, int32_t, i) : -1;
        Value v;
        if (call->nargs > 1 && type_info(type)->category == TYPCAT_PSEUDO && type != TYPE_RECORD) {
            Oid given = (Oid)ARG(call, 1, int32_t, i);
            if (type == TYPE_ANYARRAY && type_info(given) != NULL) type = type_info(given)->array_oid;
        }
        TRY(value_in(call->ctx, call->arena, str_data(s), s->len, type, typmod, &v));
        TRY(value_default_form(call->ctx, call->arena, &v, &v));
        if (v.is_null) out_set_null(call, i);
        else vec_put(call->out, i, &v);
    }
    return QN_OK;
}

Status
fn_type_out(KernelCall *call)
{
    ROWS (call, i) {
        StrBuf b = strbuf_new(call->arena);
        Value v = vec_get(call->args[0], i);
        char *text;
        size_t nbytes;
        TRY(value_out(call->ctx, &b, &v));
        TRY(strbuf_finish(call->ctx, &b, &text, &nbytes));
        OUT(call, Str, i) = str_make(text, nbytes);
    }
    return QN_OK;
}

/* Fixed-width values, most significant byte first. */
Status
fn_fixed_send(KernelCall *call)
{
    const Vector *a = call->args[0];
    size_t width = phys_width[a->phys];
    ROWS (call, i) {
        const char *from = (const char *)a->data + (size_t)arg_at(a, i) * width;
        char bytes[16];
        bool in_order = a->phys == PHYS_UUID;
        for (size_t k = 0; k < width; k++) bytes[k] = from[in_order ? k : width - 1 - k];
        TRY(str_copy(call->ctx, call->arena, bytes, width, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* Strings are their bytes. */
Status
fn_bytes_send(KernelCall *call)
{
    ROWS (call, i) OUT(call, Str, i) = ARG(call, 0, Str, i);
    return QN_OK;
}

/* ---- parse_ident ---- */

typedef struct IdentText {
    Ctx *ctx;
    const char *text, *p, *end;
    size_t nbytes;
} IdentText;

static Status
bad_ident(IdentText *t, const char *detail)
{
    Status st = RAISE(t->ctx, ERR_INVALID_PARAMETER_VALUE, "string is not a valid identifier: \"%.*s\"", (int)t->nbytes, t->text);
    return detail != NULL ? err_detail(t->ctx, st, "%s", detail) : st;
}

static void
skip_spaces(IdentText *t)
{
    while (t->p < t->end && ascii_is_space(*t->p)) t->p++;
}

static bool
is_ident_char(char c, bool first)
{
    if (ascii_is_alpha(c) || c == '_' || (unsigned char)c >= 0x80) return true;
    return !first && (ascii_is_digit(c) || c == '$');
}

static Status
quoted_part(IdentText *t, StrBuf *out)
{
    for (t->p++; t->p < t->end; t->p++) {
        if (*t->p == '"' && (t->p + 1 == t->end || t->p[1] != '"')) {
            t->p++;
            return out->nbytes > 0 ? QN_OK : bad_ident(t, "Quoted identifier must not be empty.");
        }
        if (*t->p == '"') t->p++;
        strbuf_addc(out, *t->p);
    }
    return bad_ident(t, "String has unclosed double quotes.");
}

static Status
one_part(IdentText *t, bool after_dot, StrBuf *out)
{
    if (t->p < t->end && *t->p == '"') return quoted_part(t, out);
    if (t->p == t->end || !is_ident_char(*t->p, true))
        return bad_ident(t, t->p < t->end && *t->p == '.' ? "No valid identifier before \".\"." : after_dot ? "No valid identifier after \".\"." : NULL);
    while (t->p < t->end && is_ident_char(*t->p, false)) strbuf_addc(out, ascii_lower(*t->p++));
    return QN_OK;
}

static Status
parse_one(KernelCall *call, const Str *s, bool strict, Str *out)
{
    IdentText t = {.ctx = call->ctx, .text = str_data(s), .p = str_data(s), .end = str_data(s) + s->len, .nbytes = s->len};
    ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
    bool after_dot = false;
    skip_spaces(&t);
    for (;;) {
        StrBuf part = strbuf_new(call->arena);
        char *text;
        size_t nbytes;
        TRY(one_part(&t, after_dot, &part));
        TRY(strbuf_finish(call->ctx, &part, &text, &nbytes));
        Value v = value_str(TYPE_TEXT, str_make(text, nbytes));
        TRY(array_add(call->ctx, &b, &v));
        skip_spaces(&t);
        if (t.p == t.end) break;
        if (*t.p != '.') {
            if (strict) return bad_ident(&t, NULL);
            break;
        }
        t.p++;
        after_dot = true;
        skip_spaces(&t);
    }
    return array_finish_1d(call->ctx, &b, out);
}

Status
fn_parse_ident(KernelCall *call)
{
    ROWS (call, i) {
        bool strict = call->nargs < 2 || ARG(call, 1, uint8_t, i) != 0;
        TRY(parse_one(call, &ARG(call, 0, Str, i), strict, &OUT(call, Str, i)));
    }
    return QN_OK;
}
