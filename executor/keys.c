/* keys.c - see keys.h. */
#include "executor/keys.h"

#include "common/hash.h"
#include "executor/vecutil.h"
#include <assert.h>
#include <math.h>

typedef enum KeyKind { KIND_INT, KIND_FLOAT, KIND_WIDE, KIND_STR, KIND_BPCHAR, KIND_GENERIC } KeyKind;

static KeyKind
kind_of(const Vector *v)
{
    switch (v->phys) {
    case PHYS_BOOL:
    case PHYS_I16:
    case PHYS_I32:
    case PHYS_I64: return v->type == TYPE_NUMERIC ? KIND_GENERIC : KIND_INT;
    case PHYS_F32:
    case PHYS_F64: return KIND_FLOAT;
    case PHYS_UUID: return KIND_WIDE;
    case PHYS_STR: break;
    default: return KIND_GENERIC;
    }
    switch (v->type) {
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_NAME:
    case TYPE_BYTEA:
    case TYPE_CHAR:
    case TYPE_UNKNOWN: return KIND_STR;
    case TYPE_BPCHAR: return KIND_BPCHAR;
    default: return KIND_GENERIC;
    }
}

bool
keys_hashable(Oid type)
{
    const TypeInfo *t = type_info(type);
    return t != NULL && t->hash != NULL;
}

static inline uint64_t
hash_str(const Str *s)
{
    if (s->len <= STR_INLINE_MAX) {
        uint64_t w[2];
        memcpy(w, s, sizeof(w));
        return hash_mix(w[0] ^ HASH_K0, w[1] ^ HASH_K1);
    }
    return hash_bytes(s->ptr, s->len);
}

static inline Str
trimmed(const Str *s)
{
    const char *p = str_data(s);
    uint32_t n = s->len;
    while (n > 0 && p[n - 1] == ' ') n--;
    return n == s->len ? *s : str_make(p, n);
}

/* Without trailing blanks. One that does not end in a blank, the common case, is hashed as it is. */
static inline uint64_t
hash_bpchar(const Str *s)
{
    if (s->len != 0 && s->len <= STR_INLINE_MAX && s->inl[s->len - 1] != ' ') return hash_str(s);
    Str t = trimmed(s);
    return hash_str(&t);
}

static inline bool
bpchar_eq(const Str *a, const Str *b)
{
    if (str_eq(a, b)) return true;
    if (a->len == b->len && a->len == 1) return false;
    Str x = trimmed(a), y = trimmed(b);
    return str_eq(&x, &y);
}

static inline uint64_t
hash_double(double d)
{
    uint64_t bits;
    if (d == 0) d = 0; /* -0 is 0 */
    if (d != d) return HASH_K0;
    memcpy(&bits, &d, sizeof(bits));
    return hash_u64(bits);
}

#define HASH_LOOP(T, EXPR)                                                                         \
    do {                                                                                           \
        const T *d_ = src->data;                                                                   \
        for (int k = 0; k < n; k++) {                                                              \
            int i = exec_row(sel, k);                                                              \
            T x = d_[codes != NULL ? codes[i] : (uint32_t)(i & mask)];                             \
            uint64_t h_ = (EXPR);                                                                  \
            hashes[k] = first ? h_ : hash_combine(hashes[k], h_);                                  \
        }                                                                                          \
    } while (0)

/* NULL slots may hold anything, so a column with NULLs takes this road. */
static Status
hash_checked(Ctx *ctx, const Vector *v, const uint16_t *sel, int n, uint64_t *hashes, bool first)
{
    const TypeInfo *t = type_info(v->type);
    KeyKind kind = kind_of(v->shape == VEC_DICT ? v->dict : v);
    if (kind == KIND_GENERIC && (t == NULL || t->hash == NULL))
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "could not identify a hash function for type %s",
                     t != NULL ? t->sql_name : "???");
    for (int k = 0; k < n; k++) {
        Value x = vec_get(v, exec_row(sel, k));
        uint64_t h;
        if (x.is_null) h = HASH_NULL;
        else if (kind == KIND_INT)
            h = hash_u64((uint64_t)(x.phys == PHYS_BOOL  ? (int64_t)x.b
                                    : x.phys == PHYS_I16 ? x.i16
                                    : x.phys == PHYS_I32 ? x.i32
                                                         : x.i64));
        else if (kind == KIND_FLOAT) h = hash_double(x.phys == PHYS_F32 ? (double)x.f32 : x.f64);
        else if (kind == KIND_WIDE) {
            uint64_t w[2];
            memcpy(w, x.uuid.bytes, 16);
            h = hash_mix(w[0] ^ HASH_K0, w[1] ^ HASH_K1);
        } else if (kind == KIND_STR) h = hash_str(&x.str);
        else if (kind == KIND_BPCHAR) {
            Str s = trimmed(&x.str);
            h = hash_str(&s);
        } else h = t->hash(&x);
        hashes[k] = first ? h : hash_combine(hashes[k], h);
    }
    return QN_OK;
}

Status
keys_hash(Ctx *ctx, Vector *const *cols, int ncols, const uint16_t *sel, int n, uint64_t *hashes)
{
    if (ncols == 0) memset(hashes, 0, (size_t)n * sizeof(uint64_t));
    for (int c = 0; c < ncols; c++) {
        const Vector *v = cols[c], *src = v->shape == VEC_DICT ? v->dict : v;
        const uint32_t *codes = v->shape == VEC_DICT ? v->codes : NULL;
        int mask = v->shape == VEC_CONST ? 0 : -1;
        bool first = c == 0;
        KeyKind kind = kind_of(src);
        if (v->valid != NULL || kind == KIND_GENERIC) {
            TRY(hash_checked(ctx, v, sel, n, hashes, first));
            continue;
        }
        switch (kind) {
        case KIND_INT:
            switch (src->phys) {
            case PHYS_BOOL: HASH_LOOP(uint8_t, hash_u64(x)); break;
            case PHYS_I16: HASH_LOOP(int16_t, hash_u64((uint64_t)(int64_t)x)); break;
            case PHYS_I32: HASH_LOOP(int32_t, hash_u64((uint64_t)(int64_t)x)); break;
            default: HASH_LOOP(int64_t, hash_u64((uint64_t)x));
            }
            break;
        case KIND_FLOAT:
            if (src->phys == PHYS_F32) HASH_LOOP(float, hash_double((double)x));
            else HASH_LOOP(double, hash_double(x));
            break;
        case KIND_STR: HASH_LOOP(Str, hash_str(&x)); break;
        case KIND_BPCHAR: HASH_LOOP(Str, hash_bpchar(&x)); break;
        default: TRY(hash_checked(ctx, v, sel, n, hashes, first));
        }
    }
    return QN_OK;
}

int
keys_drop_nulls(Vector *const *cols, int ncols, const uint16_t *sel, int n, uint16_t *out)
{
    bool any = false;
    for (int c = 0; c < ncols; c++) any |= cols[c]->valid != NULL;
    if (!any) {
        for (int k = 0; k < n; k++) out[k] = (uint16_t)exec_row(sel, k);
        return n;
    }
    int m = 0;
    for (int k = 0; k < n; k++) {
        int i = exec_row(sel, k);
        bool ok = true;
        for (int c = 0; c < ncols; c++) ok &= !vec_is_null(cols[c], i);
        out[m] = (uint16_t)i;
        m += ok;
    }
    return m;
}

bool
keys_equal_values(const Value *a, const Value *b)
{
    if (a->is_null || b->is_null) return a->is_null == b->is_null;
    if (a->phys == b->phys) {
        switch (a->phys) {
        case PHYS_BOOL: return a->b == b->b;
        case PHYS_I16: return a->i16 == b->i16;
        case PHYS_I32: return a->i32 == b->i32;
        case PHYS_I64:
            if (a->scale == b->scale) return a->i64 == b->i64;
            break;
        case PHYS_UUID: return memcmp(&a->uuid, &b->uuid, 16) == 0;
        case PHYS_STR:
            if (a->type == TYPE_TEXT || a->type == TYPE_VARCHAR) return str_eq(&a->str, &b->str);
            break;
        default: break;
        }
    } else if (a->type != TYPE_NUMERIC) {
        int64_t x = a->phys == PHYS_I16 ? a->i16 : a->phys == PHYS_I32 ? a->i32 : a->i64;
        int64_t y = b->phys == PHYS_I16 ? b->i16 : b->phys == PHYS_I32 ? b->i32 : b->i64;
        if (a->phys == PHYS_F32 || a->phys == PHYS_F64) {
            double p = a->phys == PHYS_F32 ? (double)a->f32 : a->f64;
            double q = b->phys == PHYS_F32 ? (double)b->f32 : b->f64;
            return p == q || (p != p && q != q);
        }
        return x == y;
    }
    const TypeInfo *t = type_info(a->type);
    return t != NULL && t->cmp != NULL && t->cmp(a, b) == 0;
}

bool
keys_equal_rows(const Vector *a, int ra, const Vector *b, int rb)
{
    Value x = vec_get(a, ra), y = vec_get(b, rb);
    return keys_equal_values(&x, &y);
}

#define MATCH(TV, TR, EXPR)                                                                        \
    do {                                                                                           \
        const TV *d_ = v->data;                                                                    \
        for (int j = 0; j < n; j++) {                                                              \
            int k = idx[j];                                                                        \
            TV x = d_[exec_row(sel, k) & mask];                                                    \
            TR y;                                                                                  \
            memcpy(&y, cand[k] + off, sizeof(y));                                                  \
            bool eq_ = (EXPR);                                                                     \
            eq_ &= (((const uint8_t *)cand[k])[byte] & bit) == 0;                                  \
            idx[m] = (uint16_t)k;                                                                  \
            m += eq_;                                                                              \
            if (miss != NULL) {                                                                    \
                miss[*nmiss] = (uint16_t)k;                                                        \
                *nmiss += !eq_;                                                                    \
            }                                                                                      \
        }                                                                                          \
        return m;                                                                                  \
    } while (0)

#define MATCH_INT(TV)                                                                              \
    do {                                                                                           \
        if (col->phys == PHYS_I32) MATCH(TV, int32_t, (int64_t)x == (int64_t)y);                   \
        if (col->phys == PHYS_I64) MATCH(TV, int64_t, (int64_t)x == (int64_t)y);                   \
        if (col->phys == PHYS_I16) MATCH(TV, int16_t, (int64_t)x == (int64_t)y);                   \
        if (col->phys == PHYS_BOOL) MATCH(TV, uint8_t, (int64_t)x == (int64_t)y);                  \
    } while (0)

static int
match_column(const RowLayout *l, const Vector *v, int c, const uint16_t *sel, char *const *cand,
             uint16_t *idx, int n, uint16_t *miss, int *nmiss)
{
    const RowCol *col = &l->cols[c];
    uint32_t off = col->offset, byte = l->nulls_offset + (uint32_t)(c >> 3);
    uint8_t bit = (uint8_t)(1u << (c & 7));
    int mask = v->shape == VEC_CONST ? 0 : -1, m = 0;
    if (v->valid == NULL && v->shape != VEC_DICT && !col->is_numeric) {
        switch (kind_of(v)) {
        case KIND_INT:
            switch (v->phys) {
            case PHYS_I32: MATCH_INT(int32_t); break;
            case PHYS_I64: MATCH_INT(int64_t); break;
            case PHYS_I16: MATCH_INT(int16_t); break;
            default: MATCH_INT(uint8_t);
            }
            break;
        case KIND_STR: MATCH(Str, Str, str_eq(&x, &y));
        case KIND_BPCHAR: MATCH(Str, Str, bpchar_eq(&x, &y));
        default: break;
        }
    }
    for (int j = 0; j < n; j++) {
        int k = idx[j];
        Value x = vec_get(v, exec_row(sel, k)), y = row_get(l, c, cand[k]);
        bool eq = keys_equal_values(&x, &y);
        idx[m] = (uint16_t)k;
        m += eq;
        if (!eq && miss != NULL) miss[(*nmiss)++] = (uint16_t)k;
    }
    return m;
}

int
keys_match(const RowLayout *l, Vector *const *cols, int ncols, const uint16_t *sel, char *const *cand,
           uint16_t *idx, int n, uint16_t *miss, int *nmiss)
{
    for (int c = 0; c < ncols && n > 0; c++) n = match_column(l, cols[c], c, sel, cand, idx, n, miss, nmiss);
    return n;
}
