/* record.h - row values: the result of ROW(...) and of whole-row references.
 *
 *     u32 fields (top bit: with names) | per field: u32 type, u32 end of its bytes (top bit: NULL)
 *     [with names: per field u32 end of its name; the names] | bytes
 *
 * Names are there where the row's columns have them (whole-row references, subqueries): row_to_json shows
 * them. They play no part in comparison.
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
/* The same with column names. */
Status record_make_named(Ctx *ctx, Arena *arena, const Value *fields, const char *const *names, int nfields,
                         Str *out);
/* Field i's name, a view on the record's bytes; false: it has none. */
bool record_field_name(const Str *s, int i, const char **name_out, size_t *nbytes_out);
/* A row as columns with names: those it carries, else those of its composite type as they are now, else f1, f2 ... */
typedef struct RecordReader {
    const Str *s;
    int n;
    bool has_shape;
    TypeShape shape;
} RecordReader;
Status record_read(Ctx *ctx, Arena *arena, const Value *v, RecordReader *out); /* v must stay where it is */
/* Column i and its name; false: it was dropped. room: 16 bytes for a name made here. */
bool record_column(const RecordReader *r, int i, char *room, const char **name_out, size_t *nbytes_out, Value *out);
/* Compares field by field, NULLs equal and last; a shorter record that is a prefix comes first. */
int record_compare(const Str *a, const Str *b);
/* The same by the bytes of the fields (*=, *< and their like). */
int record_image_compare(const Str *a, const Str *b);

/* The attributes of a composite type as they are now. 42809 for other types. */
Status record_shape(Ctx *ctx, Arena *arena, Oid type, TypeShape *out);
/* A row of a composite type from the values of its attributes that are there. */
Status composite_make(Ctx *ctx, Arena *arena, Oid type, const Value *fields, Str *out);
/* Text form of composite types: in has a field for every attribute, dropped ones NULL. */
Status composite_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod, Value *out);
Status composite_out(Ctx *ctx, StrBuf *b, const Value *value);

#endif
