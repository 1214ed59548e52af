/* keyhash.c - hashes that agree with equality, whatever the form of a value. */
#include "storage/keycodec_priv.h"

#include "types/jsonb.h"

static inline uint64_t
hash_double(double d)
{
    return hash_u64(key_f64_bits(d) ^ HASH_K0);
}

/* Values whose digits fit a double's mantissa hash as the quotient: correctly rounded, it is the
 * same for every scale. Others are first brought to their smallest scale; a value that has a small
 * form thus reaches it from every form. */
static uint64_t
hash_numeric_int(int128 v, int scale)
{
    const int128 limit = (int128)1 << 53;
    if (v >= limit || v <= -limit || scale > 22) {
        while (scale > 0 && v % 10 == 0) v /= 10, scale--;
        if (v >= limit || v <= -limit || scale > 22)
            return hash_mix((uint64_t)v ^ HASH_K0,
                            (uint64_t)(v >> 64) ^ HASH_K1 ^ (uint64_t)scale << 32);
    }
    static const double pow10[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return hash_double((double)(int64_t)v / pow10[scale]);
}

/* Hash of the ascending key bytes: arrays, and numerics past 128 bits. */
static Status
hash_by_key(Ctx *ctx, const Value *v, StrBuf *scratch, uint64_t *out)
{
    KeyColumn c;
    strbuf_reset(scratch);
    TRY(key_column_init(ctx, &c, v->type, -1, false, false, true));
    TRY(key_put_value(ctx, &c, v, scratch, NULL));
    if (scratch->failed) return RAISE_OOM(ctx);
    *out = hash_bytes(scratch->data, scratch->nbytes);
    return QN_OK;
}

static Status
hash_numeric_str(Ctx *ctx, const Value *v, StrBuf *scratch, uint64_t *out)
{
    NumericView nv;
    int128 u;
    int scale;
    numeric_view(v, &nv);
    if (nv.kind == NUMERIC_FINITE && key_view_to_int(&nv, &u, &scale)) {
        *out = hash_numeric_int(u, scale);
        return QN_OK;
    }
    return hash_by_key(ctx, v, scratch, out);
}

static uint64_t
hash_bpchar(const Str *s)
{
    return hash_bytes(str_data(s), key_bpchar_bytes(s));
}

/* Applies X to each row's value; first column sets, later ones combine. */
#define HASH_LOOP(T, X)                                                                            \
    do {                                                                                           \
        const T *src = v->shape == VEC_DICT ? v->dict->data : v->data;                             \
        if (first && v->shape == VEC_FLAT && sel == NULL) {                                        \
            for (int i = 0; i < n; i++) {                                                          \
                const T *s = &src[i];                                                              \
                hashes[i] = (X);                                                                   \
            }                                                                                      \
        } else {                                                                                   \
            for (int i = 0; i < n; i++) {                                                          \
                const T *s = &src[vec_index(v, sel != NULL ? sel[i] : i)];                         \
                uint64_t h = (X);                                                                  \
                hashes[i] = first ? h : hash_combine(hashes[i], h);                                \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static Status
hash_values_slowly(Ctx *ctx, const Vector *v, const uint16_t *sel, int n, bool first,
                   uint64_t *hashes)
{
    Arena *arena = NULL;
    StrBuf scratch = {0};
    Status st = QN_OK;
    TRY_ALLOC(ctx, arena, arena_create(NULL, "hash keys"));
    scratch.arena = arena;
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        uint64_t h = 0;
        if (!vec_is_null(v, row)) {
            Value val = vec_get(v, row);
            TRY_GOTO(val.type == TYPE_NUMERIC ? hash_numeric_str(ctx, &val, &scratch, &h)
                                              : hash_by_key(ctx, &val, &scratch, &h));
        }
        hashes[i] = first ? h : hash_combine(hashes[i], h);
    }
done:
    arena_destroy(arena);
    return st;
}

static Status
hash_column(Ctx *ctx, const Vector *v, const uint16_t *sel, int n, bool first, uint64_t *hashes)
{
    if (v->type == TYPE_NUMERIC && v->phys != PHYS_STR) {
        int scale = v->scale;
        if (v->phys == PHYS_I64)
            HASH_LOOP(int64_t, hash_numeric_int(*s, scale));
        else
            HASH_LOOP(int128, hash_numeric_int(*s, scale));
        return QN_OK;
    }
    switch (key_type_encoding(v->type)) {
    case KEY_BOOL:
        HASH_LOOP(uint8_t, hash_u64(*s));
        break;
    case KEY_I16:
        HASH_LOOP(int16_t, hash_u64((uint64_t)(int64_t)*s));
        break;
    case KEY_I32:
        HASH_LOOP(int32_t, hash_u64((uint64_t)(int64_t)*s));
        break;
    case KEY_U32:
        HASH_LOOP(uint32_t, hash_u64(*s));
        break;
    case KEY_I64:
        HASH_LOOP(uint64_t, hash_u64(*s));
        break;
    case KEY_F32:
        HASH_LOOP(float, hash_double(*s));
        break;
    case KEY_F64:
        HASH_LOOP(double, hash_double(*s));
        break;
    case KEY_INTERVAL:
        HASH_LOOP(Interval, hash_numeric_int(key_interval_total(s), 0));
        break;
    case KEY_UUID:
        HASH_LOOP(Uuid, hash_bytes(s, 16));
        break;
    case KEY_TEXT:
    case KEY_BYTEA:
        HASH_LOOP(Str, hash_bytes(str_data(s), s->len));
        break;
    case KEY_BPCHAR:
        HASH_LOOP(Str, hash_bpchar(s));
        break;
    case KEY_JSONB:
        HASH_LOOP(Str, jsonb_hash_item(jsonb_root(s)));
        break;
    case KEY_NUMERIC:
    case KEY_ARRAY:
    case KEY_RECORD:
    case KEY_RANGE:
    case KEY_MULTIRANGE:
    case KEY_OWN:
        return hash_values_slowly(ctx, v, sel, n, first, hashes);
    default: {
        const TypeInfo *t = type_info(v->type);
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION, "could not identify a hash function for type %s",
                     t != NULL ? t->sql_name : "???");
    }
    }
    return QN_OK;
}

Status
key_hash(Ctx *ctx, Vector *const *cols, int ncols, const uint16_t *sel, int n, uint64_t *hashes)
{
    if (ncols == 0) memset(hashes, 0, sizeof(uint64_t) * (size_t)n);
    for (int col = 0; col < ncols; col++) {
        const Vector *v = cols[col];
        if (v->valid == NULL) {
            TRY(hash_column(ctx, v, sel, n, col == 0, hashes));
            continue;
        }
        /* NULL slots hold anything, so what the loop made of them is replaced. */
        uint64_t before[BATCH_ROWS];
        for (int from = 0; from < n; from += BATCH_ROWS) {
            int m = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
            uint16_t own[BATCH_ROWS];
            const uint16_t *s = sel != NULL ? sel + from : NULL;
            if (s == NULL && from > 0) {
                for (int i = 0; i < m; i++) own[i] = (uint16_t)(from + i);
                s = own;
            }
            if (col > 0) memcpy(before, hashes + from, sizeof(uint64_t) * (size_t)m);
            TRY(hash_column(ctx, v, s, m, col == 0, hashes + from));
            for (int i = 0; i < m; i++)
                if (vec_is_null(v, s != NULL ? s[i] : i))
                    hashes[from + i] = col == 0 ? HASH_NULL : hash_combine(before[i], HASH_NULL);
        }
    }
    return QN_OK;
}

Status
key_hash_value(Ctx *ctx, const Value *v, uint64_t *hash_out)
{
    if (v->is_null) {
        *hash_out = HASH_NULL;
        return QN_OK;
    }
    Value copy = *v;
    Vector vec = {
        .type = v->type, .phys = v->phys, .shape = VEC_CONST, .scale = v->scale, .data = &copy.b};
    return hash_column(ctx, &vec, NULL, 1, true, hash_out);
}
