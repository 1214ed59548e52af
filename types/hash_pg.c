/* hash_pg.c - see hash_pg.h. The mixing is Bob Jenkins' lookup3 (public domain, 2006) as PostgreSQL applies it. */
#include "types/hash_pg.h"

static inline uint32_t
rot(uint32_t x, int k)
{
    return (x << k) | (x >> (32 - k));
}

typedef struct Lanes {
    uint32_t a, b, c;
} Lanes;

static void
mix(Lanes *s)
{
    uint32_t a = s->a, b = s->b, c = s->c;
    a -= c, a ^= rot(c, 4), c += b;
    b -= a, b ^= rot(a, 6), a += c;
    c -= b, c ^= rot(b, 8), b += a;
    a -= c, a ^= rot(c, 16), c += b;
    b -= a, b ^= rot(a, 19), a += c;
    c -= b, c ^= rot(b, 4), b += a;
    *s = (Lanes){a, b, c};
}

static uint64_t
finish(Lanes s)
{
    uint32_t a = s.a, b = s.b, c = s.c;
    c ^= b, c -= rot(b, 14);
    a ^= c, a -= rot(c, 11);
    b ^= a, b -= rot(a, 25);
    c ^= b, c -= rot(b, 16);
    a ^= c, a -= rot(c, 4);
    b ^= a, b -= rot(a, 14);
    c ^= b, c -= rot(b, 24);
    return (uint64_t)b << 32 | c;
}

static Lanes
start(uint32_t nbytes, uint64_t seed)
{
    uint32_t init = 0x9e3779b9 + nbytes + 3923095;
    Lanes s = {init, init, init};
    if (seed == 0) return s;
    s.a += (uint32_t)(seed >> 32);
    s.b += (uint32_t)seed;
    mix(&s);
    return s;
}

static uint64_t
hash_u32(uint32_t k, uint64_t seed)
{
    Lanes s = start(sizeof(uint32_t), seed);
    s.a += k;
    return finish(s);
}

static uint64_t
hash_bytes_seeded(const uint8_t *k, size_t nbytes, uint64_t seed)
{
    Lanes s = start((uint32_t)nbytes, seed);
    uint32_t w[3];
    for (; nbytes >= 12; k += 12, nbytes -= 12) {
        memcpy(w, k, 12);
        s.a += w[0];
        s.b += w[1];
        s.c += w[2];
        mix(&s);
    }
    /* The lowest byte of c is kept for the length. */
    uint8_t tail[12] = {0};
    memcpy(tail, k, nbytes < 8 ? nbytes : 8);
    for (size_t i = 8; i < nbytes; i++) tail[i + 1] = k[i];
    memcpy(w, tail, 12);
    s.a += w[0];
    s.b += w[1];
    s.c += w[2];
    return finish(s);
}

/* Equal integers of every width hash alike. */
static uint64_t
hash_i64(int64_t v, uint64_t seed)
{
    uint32_t lo = (uint32_t)v, hi = (uint32_t)((uint64_t)v >> 32);
    return hash_u32(lo ^ (v >= 0 ? hi : ~hi), seed);
}

static uint64_t
hash_double(double v, uint64_t seed)
{
    if (v == 0) return seed; /* both zeros */
    if (v != v) v = __builtin_nan("");
    return hash_bytes_seeded((const uint8_t *)&v, sizeof(v), seed);
}

bool
hash_pg_value(const Value *v, uint64_t seed, uint64_t *out)
{
    switch (v->type) {
    case TYPE_BOOL: *out = hash_u32(v->b, seed); return true;
    case TYPE_INT2: *out = hash_u32((uint32_t)(int32_t)v->i16, seed); return true;
    case TYPE_INT4:
    case TYPE_OID:
    case TYPE_DATE: *out = hash_u32((uint32_t)v->i32, seed); return true;
    case TYPE_INT8:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ: *out = hash_i64(v->i64, seed); return true;
    case TYPE_FLOAT4: *out = hash_double((double)v->f32, seed); return true;
    case TYPE_FLOAT8: *out = hash_double(v->f64, seed); return true;
    case TYPE_UUID: *out = hash_bytes_seeded((const uint8_t *)&v->b, 16, seed); return true;
    case TYPE_TEXT:
    case TYPE_VARCHAR:
    case TYPE_BYTEA:
    case TYPE_NAME: *out = hash_bytes_seeded((const uint8_t *)str_data(&v->str), v->str.len, seed); return true;
    case TYPE_BPCHAR: {
        size_t n = v->str.len;
        const char *p = str_data(&v->str);
        while (n > 0 && p[n - 1] == ' ') n--;
        *out = hash_bytes_seeded((const uint8_t *)p, n, seed);
        return true;
    }
    default: return false;
    }
}
