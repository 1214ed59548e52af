/* type.h - SQL types: how each is named, laid out, read and printed.
 *
 * A type is an Oid (PostgreSQL's) and a row of types.def. Its values take one of a few physical
 * forms (Phys): fixed-width numbers, or a 16-byte view on bytes (Str) for everything of variable width.
 * One type, numeric, has three forms and a vector or Value says which one it holds:
 *   PHYS_I64, PHYS_I128   unscaled integer; value = integer / 10^scale, scale is the display scale.
 *                         Never NaN or infinite. Columns numeric(p,s): p <= 18 and p <= 38.
 *   PHYS_STR              the variable form of numeric.h, each value with its own display scale.
 */
#ifndef TYPES_TYPE_H
#define TYPES_TYPE_H

#include "common/ctx.h"
#include "common/num.h"
#include "common/str.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t Oid;
#define INVALID_OID 0u

typedef enum Phys {
    PHYS_NONE,     /* pseudo-types: no values */
    PHYS_BOOL,     /* uint8_t 0 or 1 */
    PHYS_I16,      /* int16_t */
    PHYS_I32,      /* int32_t: integer, date, oid (as bits) */
    PHYS_I64,      /* int64_t: bigint, time, timestamp, timestamptz, tid, numeric(p<=18) */
    PHYS_F32,      /* float */
    PHYS_F64,      /* double */
    PHYS_I128,     /* int128: numeric(p<=38) */
    PHYS_INTERVAL, /* Interval */
    PHYS_UUID,     /* Uuid */
    PHYS_STR,      /* Str */
    PHYS_COUNT
} Phys;

extern const uint8_t phys_width[PHYS_COUNT]; /* bytes of one value in a vector */

/* A view on bytes. Up to 12 bytes lie inside; longer ones are pointed to, with the first four beside
 * the length so that most comparisons touch nothing else. Inline bytes past len are zero. */
typedef union Str {
    struct {
        uint32_t len;
        char prefix[4];
        const char *ptr;
    };
    struct {
        uint32_t len_again;
        char inl[12];
    };
} Str;
_Static_assert(sizeof(Str) == 16, "Str is two words");

#define STR_INLINE_MAX 12

static inline const char *
str_data(const Str *s) /* valid as long as *s itself (inline) and what it points to */
{
    return s->len <= STR_INLINE_MAX ? s->inl : s->ptr;
}
/* data must outlive the view unless nbytes <= STR_INLINE_MAX. */
static inline Str
str_make(const char *data, size_t nbytes)
{
    Str s;
    memset(&s, 0, sizeof(s));
    s.len = (uint32_t)nbytes;
    if (nbytes <= STR_INLINE_MAX) {
        if (nbytes != 0) memcpy(s.inl, data, nbytes);
    } else {
        memcpy(s.prefix, data, 4);
        s.ptr = data;
    }
    return s;
}
static inline bool
str_eq(const Str *a, const Str *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    if (x != y) return false;
    if (a->len <= STR_INLINE_MAX) return memcmp(a->inl + 4, b->inl + 4, 8) == 0;
    return memcmp(a->ptr, b->ptr, a->len) == 0;
}
static inline int
str_cmp(const Str *a, const Str *b) /* byte order: "C" and C.UTF-8 */
{
    uint32_t x, y;
    memcpy(&x, a->inl, 4);
    memcpy(&y, b->inl, 4);
    if (x != y) return __builtin_bswap32(x) < __builtin_bswap32(y) ? -1 : 1;
    uint32_t n = a->len < b->len ? a->len : b->len;
    int c = memcmp(str_data(a), str_data(b), n);
    return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

typedef struct Interval {
    int64_t us;
    int32_t days;
    int32_t months;
} Interval;

typedef struct Uuid {
    uint8_t bytes[16];
} Uuid;

/* One SQL value outside a vector: constants, parameters, results of in-functions. */
typedef struct Value {
    Oid type;
    uint8_t phys; /* Phys */
    bool is_null;
    int16_t scale; /* numeric in integer form */
    union {
        bool b;
        int16_t i16;
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        int128 i128;
        Interval interval;
        Uuid uuid;
        Str str;
    };
} Value;

/* Type categories, PostgreSQL's letters (pg_type.typcategory). */
#define TYPCAT_ARRAY 'A'
#define TYPCAT_BOOL 'B'
#define TYPCAT_COMPOSITE 'C'
#define TYPCAT_DATETIME 'D'
#define TYPCAT_ENUM 'E'
#define TYPCAT_NUMERIC 'N'
#define TYPCAT_PSEUDO 'P'
#define TYPCAT_RANGE 'R'
#define TYPCAT_STRING 'S'
#define TYPCAT_TIMESPAN 'T'
#define TYPCAT_USER 'U'
#define TYPCAT_UNKNOWN 'X'

typedef struct TypeInfo TypeInfo;

/* text of nbytes -> value in arena; typmod -1 if none. Errors: 22P02, 22003, 22007, 22008, 22001. */
typedef Status (*TypeIn)(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type,
                         int32_t typmod, Value *out);
/* Appends PostgreSQL's text form; value is not null. */
typedef Status (*TypeOut)(Ctx *ctx, StrBuf *b, const Value *value);
/* Three-way comparison in the type's default order; both not null. */
typedef int (*TypeCmp)(const Value *a, const Value *b);
/* Equal values of every representation hash equal. */
typedef uint64_t (*TypeHash)(const Value *v);
/* The attributes of a composite type as they are now; dropped ones have a NULL name. In the arena. */
typedef struct TypeShape {
    int n;
    const char **names;
    Oid *types;
    int32_t *typmods;
} TypeShape;
typedef Status (*TypeShapeFn)(Ctx *ctx, Arena *arena, const TypeInfo *t, TypeShape *out);
typedef Status (*TypeNameFn)(Ctx *ctx, const TypeInfo *t, StrBuf *b);

struct TypeInfo {
    Oid oid;
    const char *name;     /* pg_type.typname: "int4" */
    const char *sql_name; /* format_type: "integer" */
    uint8_t phys;         /* default form */
    char category;
    bool preferred;
    int16_t typlen; /* as pg_type shows it: -1 variable */
    Oid array_oid;  /* the array over this type, or 0 */
    Oid elem_oid;   /* element type where this is an array, or 0 */
    bool reversible_key; /* keycodec can give the value back from the key */
    TypeIn in;
    TypeOut out;
    TypeCmp cmp;   /* NULL: no order (json) */
    TypeHash hash; /* NULL: not hashable */
    /* Types made in a database; 0 in rows of types.def. */
    char made;           /* TYPTYPE_COMPOSITE, _DOMAIN, _ENUM, _RANGE, _MULTIRANGE; arrays over them: TYPTYPE_BASE */
    Oid base_oid;        /* domain: the type its values have, itself no domain */
    int32_t base_typmod; /* domain: the length or precision of base_oid */
    Oid subtype_oid;     /* range: what lies in it; multirange: its range */
    TypeShapeFn shape;   /* composite */
    TypeNameFn format;   /* as format_type prints it now */
};

/* pg_type.typtype */
#define TYPTYPE_BASE 'b'
#define TYPTYPE_COMPOSITE 'c'
#define TYPTYPE_DOMAIN 'd'
#define TYPTYPE_ENUM 'e'
#define TYPTYPE_MULTIRANGE 'm'
#define TYPTYPE_PSEUDO 'p'
#define TYPTYPE_RANGE 'r'
bool type_is_row(Oid type); /* record, or a composite type, or a domain over one */
char type_kind(Oid type); /* TYPTYPE_; BASE for what is unknown */

/* The types made in one database, by oid. What a TypeInfo says of one never changes in what its stored values depend on; entries stay
 * until the instance closes. Readers take no lock. */
typedef struct TypeSet TypeSet;
Status type_set_create(Ctx *ctx, TypeSet **out);
void type_set_destroy(TypeSet *set);
/* info and its names are copied; replaces what was said of the oid before. 53200 */
Status type_set_put(Ctx *ctx, TypeSet *set, const TypeInfo *info);
/* From now on type_info in this thread knows the types of set (NULL: built-in ones only). A thread works for one instance at a
 * time: the session does this whenever it is entered, so that kernels and comparisons need no context. */
void type_set_use(TypeSet *set);

/* The type whose form values have: of a domain what it is over, else itself. Vectors, values and keys never carry a
 * domain's oid, only columns and expressions do. */
Oid type_base(Oid type);
/* The type without the domains in it: of an array of domains the array over what they are over. What comes from text has this type first. */
Oid type_plain(Oid type);
/* type_base with the length or precision that comes with it. */
Oid type_base_typmod(Oid type, int32_t *typmod);
/* Whether a value may be one of the domain: 23502, 23514. For values that no expression makes. */
Status type_check_domain(Ctx *ctx, Oid domain, const Value *v);

enum { /* TYPE_INT4 = 23, ... */
#define TYPE(oid, SYM, ...) TYPE_##SYM = oid,
#include "types/types.def"
#undef TYPE
};

/* NULL for an oid that is none. O(1). The built-in types, and those of the thread's TypeSet. */
const TypeInfo *type_info(Oid oid);
const TypeInfo *type_by_name(const char *name); /* typname, not the SQL spelling */
int type_count(void);
const TypeInfo *type_at(int i); /* i-th row of types.def, for catalogs and tests */
/* Physical form of a column of this type: numeric depends on its typmod. */
Phys type_phys(Oid type, int32_t typmod);
/* "numeric(10,2)", "character varying(20)", "integer[]": in the arena. */
Status type_format(Ctx *ctx, Arena *arena, Oid type, int32_t typmod, const char **out);

/* numeric's typmod is ((precision << 16) | (scale & 0x7FF)) + 4; char/varchar: length + 4. */
static inline int numeric_typmod_precision(int32_t t) { return (t - 4) >> 16 & 0xFFFF; }
static inline int numeric_typmod_scale(int32_t t) { return (((t - 4) & 0x7FF) ^ 1024) - 1024; }
static inline int32_t
numeric_typmod(int precision, int scale)
{
    return ((precision << 16) | (scale & 0x7FF)) + 4;
}

/* How values of the type become key bytes; NULL: the key codec knows them by their form. */
typedef void (*TypeKey)(const Value *v, StrBuf *b);
TypeKey type_key(Oid type);

/* Through the type's row. */
Status value_in(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, Oid type, int32_t typmod,
                Value *out);
Status value_out(Ctx *ctx, StrBuf *b, const Value *v);
/* Copies what v points to into the arena. */
Status value_copy(Ctx *ctx, Arena *arena, const Value *v, Value *out);
static inline Value
value_null(Oid type)
{
    Value v;
    memset(&v, 0, sizeof(v));
    v.type = type;
    v.is_null = true;
    return v;
}

/* A view on a copy in the arena; nothing is copied when the bytes fit inside the view. */
static inline Status
str_copy(Ctx *ctx, Arena *arena, const char *data, size_t nbytes, Str *out)
{
    if (nbytes > STR_INLINE_MAX) {
        char *p = (char *)arena_alloc(arena, nbytes);
        if (__builtin_expect(p == NULL, 0)) return RAISE_OOM(ctx);
        memcpy(p, data, nbytes);
        data = p;
    }
    *out = str_make(data, nbytes);
    return QN_OK;
}
static inline Value
value_i32(Oid type, int32_t x)
{
    Value v = value_null(type);
    v.is_null = false;
    v.phys = PHYS_I32;
    v.i32 = x;
    return v;
}
static inline Value
value_i64(Oid type, int64_t x)
{
    Value v = value_null(type);
    v.is_null = false;
    v.phys = PHYS_I64;
    v.i64 = x;
    return v;
}
static inline Value
value_str(Oid type, Str s)
{
    Value v = value_null(type);
    v.is_null = false;
    v.phys = PHYS_STR;
    v.str = s;
    return v;
}

#endif
