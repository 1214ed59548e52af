/* textcmp.c - kernels: comparisons of the text types, lengths, and casts between them. */
#include "types/kernel.h"
#include "types/textops.h"
#include <stdio.h>

/* Row against constant is the filter that matters: length and prefix of the constant stay in registers, and
 * strings of up to 12 bytes are compared as two words. */
COMPARE_KERNEL(texteq, Str, Str, str_eq(&x, &y))
COMPARE_KERNEL(textne, Str, Str, !str_eq(&x, &y))
COMPARE_KERNEL(text_lt, Str, Str, str_cmp(&x, &y) < 0)
COMPARE_KERNEL(text_le, Str, Str, str_cmp(&x, &y) <= 0)
COMPARE_KERNEL(text_gt, Str, Str, str_cmp(&x, &y) > 0)
COMPARE_KERNEL(text_ge, Str, Str, str_cmp(&x, &y) >= 0)

COMPARE_KERNEL(byteaeq, Str, Str, str_eq(&x, &y))
COMPARE_KERNEL(byteane, Str, Str, !str_eq(&x, &y))
COMPARE_KERNEL(bytealt, Str, Str, str_cmp(&x, &y) < 0)
COMPARE_KERNEL(byteale, Str, Str, str_cmp(&x, &y) <= 0)
COMPARE_KERNEL(byteagt, Str, Str, str_cmp(&x, &y) > 0)
COMPARE_KERNEL(byteage, Str, Str, str_cmp(&x, &y) >= 0)

static inline bool
blank_eq(Str x, Str y)
{
    x = str_trim_blanks(x);
    y = str_trim_blanks(y);
    return str_eq(&x, &y);
}
static inline int
blank_cmp(Str x, Str y)
{
    x = str_trim_blanks(x);
    y = str_trim_blanks(y);
    return str_cmp(&x, &y);
}
COMPARE_KERNEL(bpchareq, Str, Str, blank_eq(x, y))
COMPARE_KERNEL(bpcharne, Str, Str, !blank_eq(x, y))
COMPARE_KERNEL(bpcharlt, Str, Str, blank_cmp(x, y) < 0)
COMPARE_KERNEL(bpcharle, Str, Str, blank_cmp(x, y) <= 0)
COMPARE_KERNEL(bpchargt, Str, Str, blank_cmp(x, y) > 0)
COMPARE_KERNEL(bpcharge, Str, Str, blank_cmp(x, y) >= 0)

/* The same kernels under the names of the types that share them. */
#define ALIAS(NAME, TARGET)                                                                        \
    Status fn_##NAME(KernelCall *call) { return fn_##TARGET(call); }
#define ALIAS_SIX(EQ, NE, LT, LE, GT, GE)                                                          \
    ALIAS(EQ, texteq) ALIAS(NE, textne) ALIAS(LT, text_lt)                                         \
    ALIAS(LE, text_le) ALIAS(GT, text_gt) ALIAS(GE, text_ge)
ALIAS_SIX(nameeq, namene, namelt, namele, namegt, namege)
ALIAS_SIX(chareq, charne, charlt, charle, chargt, charge)
ALIAS_SIX(nameeqtext, namenetext, namelttext, nameletext, namegttext, namegetext)
ALIAS_SIX(texteqname, textnename, textltname, textlename, textgtname, textgename)

ALIAS(text_pattern_lt, text_lt)
ALIAS(text_pattern_le, text_le)
ALIAS(text_pattern_gt, text_gt)
ALIAS(text_pattern_ge, text_ge)

static inline int32_t
three_way(int c)
{
    return (c > 0) - (c < 0);
}
BINARY_KERNEL(bttextcmp, Str, Str, int32_t, three_way(str_cmp(&x, &y)))
BINARY_KERNEL(byteacmp, Str, Str, int32_t, three_way(str_cmp(&x, &y)))
BINARY_KERNEL(bpcharcmp, Str, Str, int32_t, three_way(blank_cmp(x, y)))

ALIAS(btnamecmp, bttextcmp)
ALIAS(btcharcmp, bttextcmp)
ALIAS(btnametextcmp, bttextcmp)
ALIAS(bttextnamecmp, bttextcmp)
ALIAS(bttext_pattern_cmp, bttextcmp)
ALIAS(btbpchar_pattern_cmp, bpcharcmp)
ALIAS(bpchar_pattern_lt, bpcharlt)
ALIAS(bpchar_pattern_le, bpcharle)
ALIAS(bpchar_pattern_gt, bpchargt)
ALIAS(bpchar_pattern_ge, bpcharge)

/* Lengths. */

static inline int32_t
char_length(const Str *s)
{
    return (int32_t)utf8_count(str_data(s), s->len);
}
UNARY_KERNEL(textlen, Str, int32_t, char_length(&x))
UNARY_KERNEL(textoctetlen, Str, int32_t, x.len)
UNARY_KERNEL(byteaoctetlen, Str, int32_t, x.len)
UNARY_KERNEL(bpcharoctetlen, Str, int32_t, x.len)
UNARY_KERNEL(text_bit_length, Str, int32_t, x.len * 8)

Status
fn_bpcharlen(KernelCall *call)
{
    ROWS (call, i) {
        Str s = str_trim_blanks(ARG(call, 0, Str, i));
        OUT(call, int32_t, i) = char_length(&s);
    }
    return QN_OK;
}

/* Casts. Where only the declared type changes, the views are copied. */

static Status
copy_views(KernelCall *call)
{
    ROWS (call, i) OUT(call, Str, i) = ARG(call, 0, Str, i);
    return QN_OK;
}

Status fn_name_text(KernelCall *call) { return copy_views(call); }
Status fn_name_bpchar(KernelCall *call) { return copy_views(call); }

Status
fn_text_name(KernelCall *call)
{
    ROWS (call, i) OUT(call, Str, i) = text_fit_name(ARG(call, 0, Str, i));
    return QN_OK;
}

Status
fn_bpchar_name(KernelCall *call)
{
    ROWS (call, i) OUT(call, Str, i) = text_fit_name(str_trim_blanks(ARG(call, 0, Str, i)));
    return QN_OK;
}

/* text(char(n)): the blanks go. */
Status
fn_bpchar_text(KernelCall *call)
{
    ROWS (call, i) OUT(call, Str, i) = str_trim_blanks(ARG(call, 0, Str, i));
    return QN_OK;
}

Status
fn_text_char(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        OUT(call, Str, i) = str_make(str_data(s), s->len > 0);
    }
    return QN_OK;
}

Status
fn_char_text(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        unsigned char c = s->len > 0 ? (unsigned char)s->inl[0] : 0;
        if (c < 0x80) {
            OUT(call, Str, i) = *s;
        } else {
            char buf[8];
            OUT(call, Str, i) = str_make(buf, (size_t)snprintf(buf, sizeof(buf), "\\%03o", c));
        }
    }
    return QN_OK;
}

Status
fn_chartoi4(KernelCall *call)
{
    ROWS (call, i) {
        const Str *s = &ARG(call, 0, Str, i);
        OUT(call, int32_t, i) = s->len > 0 ? (signed char)s->inl[0] : 0;
    }
    return QN_OK;
}

Status
fn_i4tochar(KernelCall *call)
{
    ROWS (call, i) {
        int32_t v = ARG(call, 0, int32_t, i);
        char c = (char)v;
        if (v < INT8_MIN || v > INT8_MAX)
            return RAISE(call->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "\"char\" out of range");
        OUT(call, Str, i) = str_make(&c, c != 0);
    }
    return QN_OK;
}

/* Length coercions: (value, typmod, is explicit). */
Status
fn_varchar(KernelCall *call)
{
    ROWS (call, i) {
        int32_t typmod = call->nargs > 1 ? ARG(call, 1, int32_t, i) : call->out_typmod;
        bool is_explicit = call->nargs > 2 && ARG(call, 2, uint8_t, i) != 0;
        TRY(text_fit_varchar(call->ctx, ARG(call, 0, Str, i), typmod, is_explicit, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_bpchar(KernelCall *call)
{
    ROWS (call, i) {
        int32_t typmod = call->nargs > 1 ? ARG(call, 1, int32_t, i) : call->out_typmod;
        bool is_explicit = call->nargs > 2 && ARG(call, 2, uint8_t, i) != 0;
        TRY(text_fit_bpchar(call->ctx, call->arena, ARG(call, 0, Str, i), typmod, is_explicit,
                            &OUT(call, Str, i)));
    }
    return QN_OK;
}
