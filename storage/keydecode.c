/* keydecode.c - where a key's columns end, and their values back from the bytes. */
#include "storage/keycodec_priv.h"

#include "types/array.h"

/* Bytes of an ascending-or-complemented value at p, 0 when it does not end before limit. */
static size_t
value_bytes(const KeyColumn *c, const uint8_t *p, size_t limit)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    size_t i = 0;
    if (c->enc < KEY_FIXED_COUNT) return key_enc_width[c->enc] <= limit ? key_enc_width[c->enc] : 0;
    switch ((KeyEnc)c->enc) {
    case KEY_TEXT:
    case KEY_BPCHAR: {
        const uint8_t *z = memchr(p, flip, limit);
        return z != NULL ? (size_t)(z - p) + 1 : 0;
    }
    case KEY_BYTEA:
    case KEY_RECORD:
    case KEY_RANGE:
    case KEY_MULTIRANGE:
    case KEY_OWN:
        for (; i + 2 <= limit; i++)
            if ((p[i] ^ flip) == 0) {
                if ((p[i + 1] ^ flip) == 0) return i + 2;
                i++;
            }
        return 0;
    case KEY_NUMERIC: {
        if (limit == 0) return 0;
        uint8_t cls = p[0] ^ flip, end = flip;
        if (cls == NUM_ZERO || cls == NUM_NAN || cls == NUM_POS_INF || cls == NUM_NEG_INF) return 1;
        if (cls < NUM_ZERO) {
            cls = (uint8_t)~cls;
            end = (uint8_t)~end;
        }
        i = cls > NUM_POS + NUM_EXP_SMALL || cls < NUM_POS - NUM_EXP_SMALL ? 5 : 1;
        for (; i < limit; i++)
            if (p[i] == end) return i + 1;
        return 0;
    }
    default:
        return 0; /* arrays: see array_bytes */
    }
}

/* Parts follow each other and a container says how many there are (keys count as well), so that one
 * number holds what is still to come. */
static size_t
jsonb_bytes(const KeyColumn *c, const uint8_t *p, size_t limit)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    KeyColumn scalar = {.desc = c->desc};
    size_t i = 0;
    for (uint64_t parts = 1; parts > 0; parts--) {
        if (i >= limit) return 0;
        uint8_t mark = p[i++] ^ flip;
        if (mark == JSONB_KEY_STRING || mark == JSONB_KEY_NUMBER) {
            scalar.enc = mark == JSONB_KEY_STRING ? KEY_TEXT : KEY_NUMERIC;
            size_t w = value_bytes(&scalar, p + i, limit - i);
            if (w == 0) return 0;
            i += w;
        } else if (mark == JSONB_KEY_ARRAY || mark == JSONB_KEY_OBJECT) {
            uint32_t n;
            if (limit - i < 4) return 0;
            memcpy(&n, p + i, 4);
            n = __builtin_bswap32(n) ^ (c->desc ? UINT32_MAX : 0);
            parts += (uint64_t)n * (mark == JSONB_KEY_OBJECT ? 2 : 1);
            i += 4;
        }
    }
    return i;
}

static KeyColumn
element_column(const KeyColumn *c)
{
    Oid elem = type_info(c->type)->elem_oid;
    return (KeyColumn){
        .type = elem, .enc = (uint8_t)key_type_encoding(elem), .desc = c->desc, .not_null = true};
}

static size_t
array_bytes(const KeyColumn *c, const uint8_t *p, size_t limit)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    KeyColumn e = element_column(c);
    size_t i = 0;
    while (i < limit && (p[i] ^ flip) != 1) {
        uint8_t mark = p[i++] ^ flip;
        if (mark == 3) continue;
        size_t w = mark != 2               ? 0
                   : e.enc == KEY_JSONB ? jsonb_bytes(&e, p + i, limit - i)
                   : e.enc != KEY_ARRAY ? value_bytes(&e, p + i, limit - i)
                                        : 0;
        if (w == 0) return 0;
        i += w;
    }
    if (i + 2 > limit) return 0;
    size_t ndim = p[i + 1] ^ flip;
    return i + 2 + 8 * ndim <= limit ? i + 2 + 8 * ndim : 0;
}

size_t
key_column_bytes(const KeyColumn *c, const uint8_t *key, size_t limit)
{
    size_t mark = 0;
    if (!c->not_null) {
        if (limit == 0) return 0;
        mark = 1;
        if (key[0] != 1) {
            size_t w = 1 + (c->enc < KEY_FIXED_COUNT ? key_enc_width[c->enc] : 0);
            return w <= limit ? w : 0;
        }
    }
    size_t w = c->enc == KEY_ARRAY   ? array_bytes(c, key + mark, limit - mark)
               : c->enc == KEY_JSONB ? jsonb_bytes(c, key + mark, limit - mark)
                                     : value_bytes(c, key + mark, limit - mark);
    return w == 0 ? 0 : w + mark;
}

/* Stores the fixed-width value at p into row of out. */
static void
get_fixed(const KeyColumn *c, const uint8_t *p, Vector *out, int row)
{
    uint64_t flip = c->desc ? ~0ull : 0;
    uint16_t k16;
    uint32_t k32;
    uint64_t k64;
    uint128 k128;
    switch ((KeyEnc)c->enc) {
    case KEY_BOOL:
        ((uint8_t *)out->data)[row] = (uint8_t)((*p ^ flip) & 1);
        break;
    case KEY_I16:
        memcpy(&k16, p, 2);
        ((uint16_t *)out->data)[row] = (uint16_t)((__builtin_bswap16(k16) ^ flip) ^ 0x8000);
        break;
    case KEY_I32:
    case KEY_U32:
        memcpy(&k32, p, 4);
        k32 = __builtin_bswap32(k32) ^ (uint32_t)flip;
        ((uint32_t *)out->data)[row] = c->enc == KEY_I32 ? k32 ^ 0x80000000u : k32;
        break;
    case KEY_I64:
    case KEY_NUM64:
        memcpy(&k64, p, 8);
        ((uint64_t *)out->data)[row] = (__builtin_bswap64(k64) ^ flip) ^ (1ull << 63);
        break;
    case KEY_I128:
    case KEY_UUID:
        k128 = key_get_u128(p) ^ (c->desc ? ~(uint128)0 : 0);
        if (c->enc == KEY_I128)
            ((uint128 *)out->data)[row] = k128 ^ SIGN128;
        else
            key_put_u128(((Uuid *)out->data)[row].bytes, k128);
        break;
    case KEY_F32:
        memcpy(&k32, p, 4);
        k32 = __builtin_bswap32(k32) ^ (uint32_t)flip;
        k32 ^= (k32 & 0x80000000u) ? 0x80000000u : ~0u;
        memcpy((float *)out->data + row, &k32, 4);
        break;
    case KEY_F64:
        memcpy(&k64, p, 8);
        k64 = __builtin_bswap64(k64) ^ flip;
        k64 ^= (k64 >> 63) ? 1ull << 63 : ~0ull;
        memcpy((double *)out->data + row, &k64, 8);
        break;
    default:
        break;
    }
}

static Status
get_string(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, Arena *arena, Str *out)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    char small[STR_INLINE_MAX], *dst = small;
    size_t n = 0, end = nbytes - (c->enc == KEY_BYTEA ? 2 : 1);
    if (end > STR_INLINE_MAX) TRY_ALLOC(ctx, dst, arena_alloc(arena, end));
    for (size_t i = 0; i < end; i++) {
        dst[n++] = (char)(p[i] ^ flip);
        if (c->enc == KEY_BYTEA && dst[n - 1] == 0) i++;
    }
    *out = str_make(dst, n);
    return QN_OK;
}

static Status decode_row(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, int row,
                         Vector *out, Arena *arena);

/* p holds a whole array (array_bytes found its end). */
static Status
get_array(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, Arena *arena, Str *out)
{
    const uint8_t flip = c->desc ? 0xFF : 0;
    const uint32_t flip32 = c->desc ? ~0u : 0;
    KeyColumn e = element_column(c);
    ArrayBuilder b = array_builder(arena, e.type);
    int32_t shape[2 * ARRAY_DIMS_MAX];
    size_t i = 0;
    while ((p[i] ^ flip) != 1) {
        if ((p[i++] ^ flip) == 3) {
            TRY(array_add_null(ctx, &b));
            continue;
        }
        size_t w = value_bytes(&e, p + i, nbytes - i);
        uint8_t room[16] __attribute__((aligned(16)));
        Vector one = {.type = e.type, .phys = type_info(e.type)->phys, .data = room};
        TRY(decode_row(ctx, &e, p + i, w, 0, &one, arena));
        Value v = vec_get(&one, 0);
        TRY(array_add(ctx, &b, &v));
        i += w;
    }
    int ndim = p[i + 1] ^ flip;
    if (ndim > ARRAY_DIMS_MAX)
        return RAISE(ctx, ERR_DATA_CORRUPTED, "index entry holds no valid key");
    for (int k = 0; k < 2 * ndim; k++) {
        uint32_t u;
        memcpy(&u, p + i + 2 + 4 * k, 4);
        shape[k] = (int32_t)((__builtin_bswap32(u) ^ flip32) ^ 0x80000000u);
    }
    return array_finish(ctx, &b, ndim, shape, shape + ndim, out);
}

static Status
decode_row(Ctx *ctx, const KeyColumn *c, const uint8_t *p, size_t nbytes, int row, Vector *out,
           Arena *arena)
{
    if (!c->not_null) {
        if (p[0] != 1) {
            vec_set_null(out, row);
            if (out->phys == PHYS_STR) memset((Str *)out->data + row, 0, sizeof(Str));
            return QN_OK;
        }
        p++, nbytes--;
    }
    if (c->enc < KEY_FIXED_COUNT) {
        if ((c->enc == KEY_NUM64 || c->enc == KEY_I128) && out->phys == PHYS_STR) {
            /* A NaN turned this vector into variable form. */
            Vector one = {.phys = c->enc == KEY_NUM64 ? PHYS_I64 : PHYS_I128};
            int128 u;
            one.data = &u;
            get_fixed(c, p, &one, 0);
            if (c->enc == KEY_NUM64) u = (int64_t)u;
            return key_numeric_str(ctx, arena, u, c->scale,
                                   c->enc == KEY_NUM64 ? u == NUM64_NAN : u == INT128_MAX,
                                   (Str *)out->data + row);
        }
        get_fixed(c, p, out, row);
        return QN_OK;
    }
    if (c->enc == KEY_ARRAY) return get_array(ctx, c, p, nbytes, arena, (Str *)out->data + row);
    return get_string(ctx, c, p, nbytes, arena, (Str *)out->data + row);
}

static Phys
decoded_form(const KeyColumn *c)
{
    if (c->enc == KEY_NUM64) return PHYS_I64;
    if (c->enc == KEY_I128) return PHYS_I128;
    return type_info(c->type)->phys;
}

/* Is the numeric at p, null byte included, NaN? */
static bool
is_nan_key(const KeyColumn *c, const uint8_t *p, size_t nbytes)
{
    if (c->enc != KEY_NUM64 && c->enc != KEY_I128) return false;
    size_t mark = !c->not_null;
    uint8_t nan = c->desc ? 0 : 0xFF;
    if (mark && p[0] != 1) return false;
    for (size_t i = mark; i < nbytes; i++)
        if (p[i] != nan) return false;
    return true;
}

Status
key_decode(Ctx *ctx, const KeyFormat *fmt, const uint8_t *const *keys, const uint32_t *nbytes,
           int n, Vector **out, Arena *arena)
{
    uint32_t at[BATCH_ROWS], next[BATCH_ROWS];
    for (int from = 0; from < n; from += BATCH_ROWS) {
        int m = n - from < BATCH_ROWS ? n - from : BATCH_ROWS;
        memset(at, 0, sizeof(at[0]) * (size_t)m);
        for (int col = 0; col < fmt->ncols; col++) {
            const KeyColumn *c = &fmt->cols[col];
            Vector *v = out[col];
            bool nan = false;
            for (int i = 0; i < m; i++) {
                const uint8_t *p = keys[from + i] + at[i];
                size_t w = key_column_bytes(c, p, nbytes[from + i] - at[i]);
                if (w == 0) return RAISE(ctx, ERR_DATA_CORRUPTED, "index entry holds no valid key");
                next[i] = at[i] + (uint32_t)w;
                nan |= v != NULL && is_nan_key(c, p, w);
            }
            if (v != NULL && from == 0) {
                vec_reset(v, nan ? PHYS_STR : decoded_form(c));
                v->scale = c->scale;
            }
            if (v != NULL)
                for (int i = 0; i < m; i++)
                    TRY(decode_row(ctx, c, keys[from + i] + at[i], next[i] - at[i], from + i, v,
                                   arena));
            memcpy(at, next, sizeof(at[0]) * (size_t)m);
        }
    }
    return QN_OK;
}
