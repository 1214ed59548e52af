/* keycodec.h - tuples as bytes whose memcmp order is the SQL order, and hashes that agree with
 * equality.
 *
 * Each column is encoded so that no encoding is a proper prefix of another one's: the encodings of
 * a tuple's columns follow each other without separators, the bytes of the first k columns are a
 * prefix of the bytes of all, and whatever is appended (a tid) only breaks ties.
 *
 *     column := [null byte] value          null byte left out where the column is NOT NULL
 *     null byte   NULLS FIRST: NULL 00, value 01      NULLS LAST: value 01, NULL 02
 *     DESC        the value's bytes are complemented; the null byte is not
 *
 *     bool                1 byte
 *     int2 int4 int8 date time timestamp timestamptz tid   big-endian, sign bit flipped
 *     oid xid reg*        big-endian, unsigned
 *     float4 float8       IEEE bits, all flipped if negative, else the sign; -0 is 0, one NaN, last
 *     numeric(p<=18,s)    unscaled int64 as int8; numeric(p<=38,s) as 16 bytes; NaN is the greatest
 *     numeric             class, exponent of 100, digits of base 100 plus one, 00: the same for
 *                         every form and display scale of a value
 *     interval            total microseconds, a month 30 days, a day 24 hours: 16 bytes
 *     uuid                16 bytes
 *     text varchar name   bytes, 00 (text holds no NUL); char(n) without trailing blanks
 *     bytea               00 becomes 00 FF; ends with 00 00
 *     arrays              a mark before each element (02 value, 03 NULL), 01 at the end; then the
 *                         dimensions and lower bounds
 *     records, ranges, multiranges   the keys of what they are made of, marked likewise, put between
 *                         bytea's marks
 *     jsonb               a byte for the kind in jsonb's order, then text and 00, the numeric, or the
 *                         number of parts as 4 bytes and the parts; the empty array at the top is 00
 *
 * All-fixed formats (fixed_bytes != 0) have keys of one width and take the fast path. A key is
 * reversible if the exact value comes back from it; for other columns the caller keeps the value
 * beside the key.
 *
 * Hashes: equal values of any form of a type (numeric 1.0 and 1.00, -0.0 and 0.0, NaN and NaN,
 * char(n) with blanks, interval '1 mon' and '30 days') and equal integers of any width hash equal.
 * They never reach the disk.
 *
 * Threads: a KeyFormat is read-only once made. Nothing here is shared.
 */
#ifndef STORAGE_KEYCODEC_H
#define STORAGE_KEYCODEC_H

#include "common/hash.h"
#include "types/batch.h"

/* What PostgreSQL allows in an index; sorts may have more columns. */
#define KEY_MAX_INDEX_COLUMNS 32

typedef enum KeyEnc {
    KEY_BOOL,
    KEY_I16,
    KEY_I32,
    KEY_U32,
    KEY_I64,
    KEY_I128,  /* numeric(p<=38,s) */
    KEY_NUM64, /* numeric(p<=18,s) */
    KEY_F32,
    KEY_F64,
    KEY_INTERVAL,
    KEY_UUID,
    KEY_FIXED_COUNT, /* those before are of one width */
    KEY_TEXT = KEY_FIXED_COUNT,
    KEY_BPCHAR,
    KEY_BYTEA,
    KEY_NUMERIC,
    KEY_ARRAY,
    KEY_RECORD,
    KEY_JSONB,
    KEY_RANGE,
    KEY_MULTIRANGE,
    KEY_OWN /* types/typekeys.def */
} KeyEnc;

typedef struct KeyColumn {
    Oid type;
    uint8_t enc;   /* KeyEnc */
    int16_t scale; /* KEY_NUM64, KEY_I128: of the column */
    bool desc, nulls_first;
    bool not_null;   /* no NULL ever comes: no null byte */
    bool reversible; /* key_decode gives the value back */
} KeyColumn;

typedef struct KeyFormat {
    int ncols;
    int fixed_bytes; /* width of every key, 0 where keys vary */
    bool reversible; /* every column is */
    const KeyColumn *cols;
} KeyFormat;

/* One column of a format. typmod: -1 where values of any precision come; numeric(p,s) columns get
 * fixed width. Errors: 42883 for a type without order. */
Status key_column_init(Ctx *ctx, KeyColumn *c, Oid type, int32_t typmod, bool desc,
                       bool nulls_first, bool not_null);
/* cols stays the caller's and must outlive the format. */
void key_format_init(KeyFormat *fmt, const KeyColumn *cols, int ncols);

/* Fixed formats: key i of rows sel[0..n) (NULL: 0..n-1) goes to out + i * stride; stride >=
 * fixed_bytes. Vectors may have any shape. Errors: XX000 for a numeric that the column's precision
 * cannot hold. */
Status key_encode_fixed(Ctx *ctx, const KeyFormat *fmt, Vector *const *cols, const uint16_t *sel,
                        int n, uint8_t *out, size_t stride);

/* Keys of many rows, one after the other: key i is data[offsets[i] .. offsets[i + 1]). Kept by the
 * caller and filled again and again; the buffers grow in the arena and are reused. Start from
 * key_rows_new. */
typedef struct KeyRows {
    Arena *arena;
    uint8_t *data;
    uint32_t *offsets; /* n + 1 */
    size_t data_cap;
    int rows_cap;
    int n;
    uint32_t *cursors, *starts; /* working space of key_encode */
    int nstarts;
    StrBuf scratch;
} KeyRows;

static inline KeyRows
key_rows_new(Arena *arena)
{
    return (KeyRows){.arena = arena};
}
static inline const uint8_t *
key_rows_get(const KeyRows *r, int i, uint32_t *nbytes_out)
{
    *nbytes_out = r->offsets[i + 1] - r->offsets[i];
    return r->data + r->offsets[i];
}

/* Any format, column at a time. Errors: 53200, 54000 (keys of one batch past 2 GB). */
Status key_encode(Ctx *ctx, const KeyFormat *fmt, Vector *const *cols, const uint16_t *sel, int n,
                  KeyRows *out);
/* The first nvalues columns of one key, appended at out->nbytes. Values may be NULL. A numeric that
 * a fixed-width numeric column cannot hold exactly is rounded toward minus infinity and
 * *inexact_out set (NULL: it is an error). */
Status key_encode_values(Ctx *ctx, const KeyFormat *fmt, const Value *values, int nvalues,
                         StrBuf *out, bool *inexact_out);
/* One value of column c with its null byte, appended. As above. */
Status key_encode_value(Ctx *ctx, const KeyColumn *c, const Value *value, StrBuf *out,
                        bool *inexact_out);

/* Length in bytes of column c's encoding at key; reads at most limit bytes, 0 when it does not end
 * there. */
size_t key_column_bytes(const KeyColumn *c, const uint8_t *key, size_t limit);
/* Decodes row i of n keys (pointers and lengths) into row i of out[0..ncols), own buffers, FLAT;
 * out[c] NULL: not wanted. Strings go to the arena. Columns that are not reversible must not be
 * wanted. XX001 for bytes that are no key. */
Status key_decode(Ctx *ctx, const KeyFormat *fmt, const uint8_t *const *keys,
                  const uint32_t *nbytes, int n, Vector **out, Arena *arena);

/* hashes[i] of rows sel[0..n) over the columns, NULLs counted as equal. Errors: 42883 (json),
 * 53200. */
Status key_hash(Ctx *ctx, Vector *const *cols, int ncols, const uint16_t *sel, int n,
                uint64_t *hashes);
/* The same hash for one value. */
Status key_hash_value(Ctx *ctx, const Value *v, uint64_t *hash_out);
/* For the heap, which stores numeric(p,s) as integers. A numeric of any form at the scale: nan_out,
 * or the integer, exact; XX000 where it does not fit (wide: 128 bits, else 64). */
Status key_numeric_to_scale(Ctx *ctx, const Value *v, bool wide, int scale, int128 *out,
                            bool *nan_out);
/* The variable form of unscaled / 10^scale, or of NaN, in the arena. */
Status key_numeric_str(Ctx *ctx, Arena *arena, int128 unscaled, int scale, bool nan, Str *out);
/* Can values of the type be ordered, and hashed? */
bool key_type_is_orderable(Oid type);
bool key_type_is_hashable(Oid type);

/* memcmp order, shorter first. */
static inline int
key_compare(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c != 0 ? c : (na > nb) - (na < nb);
}

#endif
