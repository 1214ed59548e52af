/* keycodec.c - tuples as memcmp-ordered bytes: formats, and the keys of many rows. The encodings are
 * described in keycodec.h; single values are keyvalue.c's, decoding keydecode.c's, hashes keyhash.c's.
 *
 * Work goes column at a time. A column of fixed width is written by one loop over its array; a
 * column of varying width is measured first (what is dear to measure, numerics and arrays, is
 * encoded into a scratch buffer at that time), then all columns are written behind each other at a
 * cursor a row. */
#include "storage/keycodec_priv.h"

#include "common/bits.h"

/* ---- formats ---- */

int
key_type_encoding(Oid type)
{
    type = type_base(type);
    const TypeInfo *t = type_info(type);
    if (t == NULL) return -1;
    if (t->made == TYPTYPE_COMPOSITE) return KEY_RECORD;
    if (t->category == TYPCAT_RANGE) return type_kind(type) == TYPTYPE_RANGE ? KEY_RANGE : KEY_MULTIRANGE;
    switch (type) {
    case TYPE_BOOL:
        return KEY_BOOL;
    case TYPE_INT2:
        return KEY_I16;
    case TYPE_INT4:
    case TYPE_DATE:
        return KEY_I32;
    case TYPE_FLOAT4:
        return KEY_F32;
    case TYPE_FLOAT8:
        return KEY_F64;
    case TYPE_INTERVAL:
        return KEY_INTERVAL;
    case TYPE_UUID:
    case TYPE_TIMETZ:
        return KEY_UUID;
    case TYPE_BPCHAR:
        return KEY_BPCHAR;
    case TYPE_BYTEA:
        return KEY_BYTEA;
    case TYPE_NUMERIC:
        return KEY_NUMERIC;
    case TYPE_RECORD:
        return KEY_RECORD;
    case TYPE_JSONB:
        return KEY_JSONB;
    case TYPE_JSON:
    case TYPE_JSONPATH:
        return -1;
    default:
        break;
    }
    if (t->elem_oid != 0) return key_type_encoding(t->elem_oid) < 0 ? -1 : KEY_ARRAY;
    if (type_key(type) != NULL) return KEY_OWN;
    switch (t->phys) {
    case PHYS_I32:
        return KEY_U32; /* oid and its aliases, xid */
    case PHYS_I64:
        return KEY_I64;
    case PHYS_STR:
        return KEY_TEXT;
    default:
        return -1;
    }
}

bool
key_type_is_orderable(Oid type)
{
    return key_type_encoding(type) >= 0;
}

bool
key_type_is_hashable(Oid type)
{
    return key_type_encoding(type) >= 0;
}

Status
key_column_init(Ctx *ctx, KeyColumn *c, Oid type, int32_t typmod, bool desc, bool nulls_first,
                bool not_null)
{
    type = type_base_typmod(type, &typmod);
    int enc = key_type_encoding(type);
    const TypeInfo *t = type_info(type);
    if (enc < 0)
        return RAISE(ctx, ERR_UNDEFINED_FUNCTION,
                     "could not identify an ordering operator for type %s",
                     t != NULL ? t->sql_name : "???");
    *c = (KeyColumn){.type = type,
                     .enc = (uint8_t)enc,
                     .desc = desc,
                     .nulls_first = nulls_first,
                     .not_null = not_null,
                     .reversible = t->reversible_key};
    if (enc == KEY_NUMERIC && typmod >= 0) {
        Phys phys = type_phys(type, typmod);
        if (phys == PHYS_I64) c->enc = KEY_NUM64;
        if (phys == PHYS_I128) c->enc = KEY_I128;
        if (phys != PHYS_STR) {
            c->scale = (int16_t)numeric_typmod_scale(typmod);
            c->reversible = true;
        }
    }
    return QN_OK;
}

void
key_format_init(KeyFormat *fmt, const KeyColumn *cols, int ncols)
{
    *fmt = (KeyFormat){.ncols = ncols, .cols = cols, .reversible = true};
    bool fixed = true;
    for (int i = 0; i < ncols; i++) {
        if (cols[i].enc < KEY_FIXED_COUNT)
            fmt->fixed_bytes += key_enc_width[cols[i].enc] + !cols[i].not_null;
        else
            fixed = false;
        fmt->reversible &= cols[i].reversible;
    }
    if (!fixed) fmt->fixed_bytes = 0;
}

/* ---- fixed-width values ---- */

static inline uint32_t
f32_bits(float f)
{
    uint32_t u;
    f = f == 0 ? 0 : f;
    memcpy(&u, &f, 4);
    if (f != f) u = 0x7FC00000;
    return u ^ ((uint32_t)((int32_t)u >> 31) | 0x80000000u);
}

static inline uint8_t *
dest_row(const KeyDest *d, int i)
{
    return d->base + (d->cursors != NULL ? d->cursors[i] : (size_t)i * d->stride);
}

/* Writes the column's value bytes for each row; the flat, unselected, strided case is a loop of its
 * own so that it compiles to a tight one. K: unsigned key type, X: key of the value at src[ix]. */
#define WRITE_FIXED(T, K, X, STORE)                                                                \
    do {                                                                                           \
        const T *src = v->data;                                                                    \
        const K flip = c->desc ? (K) ~(K)0 : 0;                                                    \
        if (v->shape == VEC_DICT) src = v->dict->data;                                             \
        if (v->shape == VEC_FLAT && sel == NULL && d->cursors == NULL) {                           \
            uint8_t *p = d->base;                                                                  \
            for (int i = 0; i < n; i++, p += d->stride) {                                          \
                const T *s = &src[i];                                                              \
                K k = (K)((X) ^ flip);                                                             \
                STORE(p, k);                                                                       \
            }                                                                                      \
        } else {                                                                                   \
            for (int i = 0; i < n; i++) {                                                          \
                const T *s = &src[vec_index(v, sel != NULL ? sel[i] : i)];                         \
                K k = (K)((X) ^ flip);                                                             \
                uint8_t *p = dest_row(d, i);                                                       \
                STORE(p, k);                                                                       \
            }                                                                                      \
        }                                                                                          \
    } while (0)

#define STORE8(p, k) (*(p) = (k))
#define STORE16(p, k) (k = __builtin_bswap16(k), memcpy((p), &k, 2))
#define STORE32(p, k) (k = __builtin_bswap32(k), memcpy((p), &k, 4))
#define STORE64(p, k) (k = __builtin_bswap64(k), memcpy((p), &k, 8))
#define STORE128(p, k) key_put_u128((p), (k))

static inline uint128
uuid_key(const Uuid *u)
{
    return key_get_u128(u->bytes);
}

static Status
write_numeric_fixed(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
                    const KeyDest *d)
{
    bool wide = c->enc == KEY_I128;
    if (!wide && v->phys == PHYS_I64 && v->scale == c->scale) {
        WRITE_FIXED(int64_t, uint64_t, (uint64_t)*s ^ (1ull << 63), STORE64);
        return QN_OK;
    }
    if (wide && v->phys == PHYS_I128 && v->scale == c->scale) {
        WRITE_FIXED(int128, uint128, (uint128)*s ^ SIGN128, STORE128);
        return QN_OK;
    }
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        if (vec_is_null(v, row)) continue;
        Value val = vec_get(v, row);
        int128 u;
        TRY(key_numeric_floor(ctx, c, &val, &u, NULL));
        uint8_t *p = dest_row(d, i);
        if (wide) {
            key_put_u128(p, ((uint128)u ^ SIGN128) ^ (c->desc ? ~(uint128)0 : 0));
        } else {
            uint64_t k = ((uint64_t)(int64_t)u ^ (1ull << 63)) ^ (c->desc ? ~0ull : 0);
            STORE64(p, k);
        }
    }
    return QN_OK;
}

Status
key_write_fixed(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
            const KeyDest *d)
{
    switch ((KeyEnc)c->enc) {
    case KEY_BOOL:
        WRITE_FIXED(uint8_t, uint8_t, *s, STORE8);
        break;
    case KEY_I16:
        WRITE_FIXED(uint16_t, uint16_t, *s ^ 0x8000, STORE16);
        break;
    case KEY_I32:
        WRITE_FIXED(uint32_t, uint32_t, *s ^ 0x80000000u, STORE32);
        break;
    case KEY_U32:
        WRITE_FIXED(uint32_t, uint32_t, *s, STORE32);
        break;
    case KEY_I64:
        WRITE_FIXED(uint64_t, uint64_t, *s ^ (1ull << 63), STORE64);
        break;
    case KEY_F32:
        WRITE_FIXED(float, uint32_t, f32_bits(*s), STORE32);
        break;
    case KEY_F64:
        WRITE_FIXED(double, uint64_t, key_f64_bits(*s), STORE64);
        break;
    case KEY_INTERVAL:
        WRITE_FIXED(Interval, uint128, (uint128)key_interval_total(s) ^ SIGN128, STORE128);
        break;
    case KEY_UUID:
        WRITE_FIXED(Uuid, uint128, uuid_key(s), STORE128);
        break;
    case KEY_NUM64:
    case KEY_I128:
        return write_numeric_fixed(ctx, c, v, sel, n, d);
    default:
        return RAISE_INTERNAL(ctx, "key column is not of fixed width");
    }
    return QN_OK;
}

/* The null bytes of a column, and zeros for the values of NULL rows when they have a width. */
static void
write_nulls(const KeyColumn *c, const Vector *v, const uint16_t *sel, int n, const KeyDest *d,
            int width)
{
    const uint8_t mark = key_null_mark(c);
    if (v->valid == NULL) {
        for (int i = 0; i < n; i++) *dest_row(d, i) = 1;
        return;
    }
    for (int i = 0; i < n; i++) {
        uint8_t *p = dest_row(d, i);
        if (vec_is_null(v, sel != NULL ? sel[i] : i)) {
            p[0] = mark;
            memset(p + 1, 0, (size_t)width);
        } else {
            p[0] = 1;
        }
    }
}

/* A fixed column with its null byte; moves cursors on. */
static Status
write_fixed_column(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
                   KeyDest *d)
{
    int width = key_enc_width[c->enc];
    if (c->not_null) {
        TRY(key_write_fixed(ctx, c, v, sel, n, d));
    } else {
        d->base++;
        TRY(key_write_fixed(ctx, c, v, sel, n, d));
        d->base--;
        write_nulls(c, v, sel, n, d, width); /* after the values: NULL slots hold anything */
    }
    if (d->cursors != NULL) {
        uint32_t step = (uint32_t)(width + !c->not_null);
        for (int i = 0; i < n; i++) d->cursors[i] += step;
    }
    return QN_OK;
}

Status
key_encode_fixed(Ctx *ctx, const KeyFormat *fmt, Vector *const *cols, const uint16_t *sel, int n,
                 uint8_t *out, size_t stride)
{
    KeyDest d = {.base = out, .stride = stride};
    for (int i = 0; i < fmt->ncols && n > 0; i++) {
        const KeyColumn *c = &fmt->cols[i];
        TRY(write_fixed_column(ctx, c, cols[i], sel, n, &d));
        d.base += key_enc_width[c->enc] + !c->not_null;
    }
    return QN_OK;
}

/* ---- many rows ---- */

static inline const Str *
str_values(const Vector *v)
{
    return v->shape == VEC_DICT ? v->dict->data : v->data;
}

/* Adds the column's length, null byte included, to lens. Numerics, arrays and bytea are encoded
 * into scratch, where row i's bytes start at starts[i]. */
static Status
measure_column(Ctx *ctx, const KeyColumn *c, const Vector *v, const uint16_t *sel, int n,
               uint32_t *lens, StrBuf *scratch, uint32_t *starts)
{
    const uint32_t mark = !c->not_null;
    if (c->enc < KEY_FIXED_COUNT) {
        for (int i = 0; i < n; i++) lens[i] += mark + key_enc_width[c->enc];
        return QN_OK;
    }
    if (c->enc == KEY_TEXT || c->enc == KEY_BPCHAR) {
        const Str *src = str_values(v);
        for (int i = 0; i < n; i++) {
            int row = sel != NULL ? sel[i] : i;
            lens[i] += mark;
            if (v->valid != NULL && vec_is_null(v, row)) continue;
            const Str *s = &src[vec_index(v, row)];
            lens[i] += (c->enc == KEY_TEXT ? s->len : key_bpchar_bytes(s)) + 1;
        }
        return QN_OK;
    }
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        starts[i] = (uint32_t)scratch->nbytes;
        lens[i] += mark;
        if (vec_is_null(v, row)) continue;
        Value val = vec_get(v, row);
        TRY(key_put_value(ctx, c, &val, scratch, NULL));
        if (scratch->failed) return RAISE_OOM(ctx);
        if (scratch->nbytes > INT32_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "sort keys of a batch exceed 2 GB");
        lens[i] += (uint32_t)scratch->nbytes - starts[i];
    }
    starts[n] = (uint32_t)scratch->nbytes;
    return QN_OK;
}

static void
write_text_column(const KeyColumn *c, const Vector *v, const uint16_t *sel, int n, KeyDest *d)
{
    const Str *src = str_values(v);
    for (int i = 0; i < n; i++) {
        int row = sel != NULL ? sel[i] : i;
        uint8_t *p = dest_row(d, i), *start = p;
        if (v->valid != NULL && vec_is_null(v, row)) {
            *p++ = key_null_mark(c);
        } else {
            const Str *s = &src[vec_index(v, row)];
            uint32_t nbytes = c->enc == KEY_TEXT ? s->len : key_bpchar_bytes(s);
            if (!c->not_null) *p++ = 1;
            memcpy(p, str_data(s), nbytes);
            p[nbytes] = 0;
            if (c->desc)
                for (uint32_t k = 0; k <= nbytes; k++) p[k] = (uint8_t)~p[k];
            p += nbytes + 1;
        }
        d->cursors[i] += (uint32_t)(p - start);
    }
}

static void
write_scratch_column(const KeyColumn *c, const Vector *v, const uint16_t *sel, int n, KeyDest *d,
                     const char *scratch, const uint32_t *starts)
{
    for (int i = 0; i < n; i++) {
        uint8_t *p = dest_row(d, i);
        uint32_t nbytes = starts[i + 1] - starts[i];
        bool null = vec_is_null(v, sel != NULL ? sel[i] : i);
        if (!c->not_null) {
            *p++ = null ? key_null_mark(c) : 1;
            d->cursors[i]++;
        }
        if (nbytes != 0) memcpy(p, scratch + starts[i], nbytes);
        d->cursors[i] += nbytes;
    }
}

static Status
rows_reserve(Ctx *ctx, KeyRows *r, int n)
{
    if (r->offsets != NULL && n <= r->rows_cap) return QN_OK;
    int cap = n < 16 ? 16 : n;
    TRY_ALLOC(ctx, r->offsets, arena_alloc(r->arena, sizeof(uint32_t) * ((size_t)cap + 1)));
    TRY_ALLOC(ctx, r->cursors, arena_alloc(r->arena, sizeof(uint32_t) * (size_t)cap));
    r->rows_cap = cap;
    r->starts = NULL;
    return QN_OK;
}

static Status
rows_reserve_data(Ctx *ctx, KeyRows *r, size_t nbytes)
{
    if (nbytes <= r->data_cap) return QN_OK;
    size_t cap = bits_next_pow2(nbytes < 256 ? 256 : nbytes);
    TRY_ALLOC(ctx, r->data, arena_alloc(r->arena, cap));
    r->data_cap = cap;
    return QN_OK;
}

static int
count_scratch_columns(const KeyFormat *fmt)
{
    int k = 0;
    for (int i = 0; i < fmt->ncols; i++) k += fmt->cols[i].enc >= KEY_BYTEA;
    return k;
}

Status
key_encode(Ctx *ctx, const KeyFormat *fmt, Vector *const *cols, const uint16_t *sel, int n,
           KeyRows *out)
{
    TRY(rows_reserve(ctx, out, n));
    out->n = n;
    if (fmt->fixed_bytes != 0) {
        uint32_t w = (uint32_t)fmt->fixed_bytes;
        TRY(rows_reserve_data(ctx, out, (size_t)n * w));
        for (int i = 0; i <= n; i++) out->offsets[i] = (uint32_t)i * w;
        return key_encode_fixed(ctx, fmt, cols, sel, n, out->data, w);
    }
    int nscratch = count_scratch_columns(fmt), k = 0;
    size_t per = (size_t)out->rows_cap + 1;
    if (nscratch > 0 && (out->starts == NULL || out->nstarts < nscratch)) {
        TRY_ALLOC(ctx, out->starts,
                  arena_alloc(out->arena, sizeof(uint32_t) * per * (size_t)nscratch));
        out->nstarts = nscratch;
    }
    out->scratch.arena = out->arena;
    strbuf_reset(&out->scratch);
    uint32_t *lens = out->cursors;
    memset(lens, 0, sizeof(uint32_t) * (size_t)n);
    for (int i = 0; i < fmt->ncols; i++) {
        uint32_t *starts = fmt->cols[i].enc >= KEY_BYTEA ? out->starts + per * (size_t)k++ : NULL;
        TRY(measure_column(ctx, &fmt->cols[i], cols[i], sel, n, lens, &out->scratch, starts));
    }
    uint64_t total = 0;
    for (int i = 0; i < n; i++) {
        uint32_t bytes = lens[i];
        out->offsets[i] = (uint32_t)total;
        out->cursors[i] = (uint32_t)total;
        total += bytes;
        if (total > INT32_MAX)
            return RAISE(ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "sort keys of a batch exceed 2 GB");
    }
    out->offsets[n] = (uint32_t)total;
    TRY(rows_reserve_data(ctx, out, (size_t)total));
    KeyDest d = {.base = out->data, .cursors = out->cursors};
    k = 0;
    for (int i = 0; i < fmt->ncols; i++) {
        const KeyColumn *c = &fmt->cols[i];
        if (c->enc < KEY_FIXED_COUNT)
            TRY(write_fixed_column(ctx, c, cols[i], sel, n, &d));
        else if (c->enc == KEY_TEXT || c->enc == KEY_BPCHAR)
            write_text_column(c, cols[i], sel, n, &d);
        else
            write_scratch_column(c, cols[i], sel, n, &d, out->scratch.data,
                                 out->starts + per * (size_t)k++);
    }
    return QN_OK;
}
