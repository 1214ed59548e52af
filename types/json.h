/* json.h - json: checked text, and a cursor that walks it.
 *
 * A json value is the text as it was given, valid by RFC 8259, nested no deeper than JSON_DEPTH_MAX. Because
 * it was checked on the way in, the cursor functions need no errors: they may assume valid text.
 */
#ifndef TYPES_JSON_H
#define TYPES_JSON_H

#include "types/type.h"

enum { JSON_DEPTH_MAX = 6400 };

/* 22P02 with PostgreSQL's detail and context; 54001 past the depth limit. */
Status json_check(Ctx *ctx, const char *text, size_t nbytes);

/* Over valid text. */
const char *json_space(const char *p, const char *end);      /* past white space */
const char *json_skip_string(const char *p, const char *end); /* p at the quote; past the closing one */
const char *json_skip_value(const char *p, const char *end);  /* p at a value; past it */

/* Members of an object or elements of an array, in order. */
typedef struct JsonIter {
    const char *p, *end;
    bool is_object, done;
    const char *key, *key_end;     /* with its quotes; objects only */
    const char *value, *value_end;
} JsonIter;
/* text's first character decides: {, [; anything else gives an iterator that is done. */
JsonIter json_iter(const char *text, const char *end);
bool json_next(JsonIter *it);

/* Appends the text a JSON string (with its quotes) stands for. 22P05 for \u0000, 22P02 for lone surrogates. */
Status json_unescape(Ctx *ctx, StrBuf *b, const char *p, const char *end);
/* Whether the JSON string stands for exactly these bytes. */
bool json_string_is(const char *p, const char *end, const char *text, size_t nbytes);
/* Appends text as a JSON string, quotes included. */
void json_add_string(StrBuf *b, const char *s, size_t nbytes);
/* Appends the JSON of any SQL value, as to_json does. pretty: line feeds between the parts of a row. */
Status json_add_value(Ctx *ctx, StrBuf *b, const Value *v, bool pretty);
/* The fields of a row (a composite value or a record) as they make an object. */
typedef struct JsonField {
    const char *name;
    size_t name_bytes;
    Value value;
} JsonField;
Status json_row_fields(Ctx *ctx, Arena *arena, const Value *row, JsonField **out, int *n_out);
/* The text of a scalar in JSON's forms (dates in ISO's); *is_number_out: it may stand without quotes. */
Status json_scalar_text(Ctx *ctx, StrBuf *b, const Value *v, bool *is_number_out);
/* The text of a scalar used as an object's key; 22023 for json, arrays and rows. v is not NULL. */
Status json_key_text(Ctx *ctx, StrBuf *b, const Value *v);
/* The same, appended as a JSON string. */
Status json_add_key(Ctx *ctx, StrBuf *b, const Value *v);

/* What json_object and jsonb_object take: pairs in one array, or keys and values in two; 2202E. */
struct ArrayView;
Status json_object_shape(Ctx *ctx, const struct ArrayView *pairs);
Status json_object_shapes(Ctx *ctx, const struct ArrayView *keys, const struct ArrayView *values);

#endif
