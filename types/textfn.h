/* textfn.h - what the files of string kernels share. */
#ifndef TYPES_TEXTFN_H
#define TYPES_TEXTFN_H

#include "types/array.h"
#include "types/function.h"

Status text_too_long(Ctx *ctx); /* 54000 */
/* s in lower case, in the arena. */
Status text_lower(Ctx *ctx, Arena *arena, const char *s, size_t nbytes, Str *out);
/* Adds the parts of s between separators to an array of text. sep NULL: each character is a part; parts equal
 * to null_text (NULL: none) become NULL. s must stay where it is until then. */
Status text_split(Ctx *ctx, ArrayBuilder *b, const Str *s, const Str *sep, const Str *null_text);
/* Appends row i of argument a in its text form; the row is not NULL. */
Status arg_add_text(KernelCall *call, int a, int row, StrBuf *b);
/* Finishes a builder into row i of the result. */
static inline Status
out_text(KernelCall *call, int row, StrBuf *b)
{
    if (b->failed) return RAISE_OOM(call->ctx);
    ((Str *)call->out->data)[row] = str_make(b->data != NULL ? b->data : "", b->nbytes);
    return QN_OK;
}

#endif
