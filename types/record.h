/* record.h - row values: the result of ROW(...) and of whole-row references.
 *
 *     u32 fields | per field: u32 type, u32 end of its bytes (top bit: NULL) | bytes
 *
 * Fixed-width fields are their bytes as in a vector, unaligned; numeric is the variable form.
 */
#ifndef TYPES_RECORD_H
#define TYPES_RECORD_H

#include "types/type.h"

enum { RECORD_FIELDS_MAX = 1664 };

int record_count(const Str *s);
/* Field i; its bytes are a view on the record's, so s must stay where it is. */
Value record_field(const Str *s, int i);
Status record_make(Ctx *ctx, Arena *arena, const Value *fields, int nfields, Str *out);
/* Compares field by field, NULLs equal and last; a shorter record that is a prefix comes first. */
int record_compare(const Str *a, const Str *b);

#endif
