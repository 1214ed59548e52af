/* keycodec_test.c - keys order as the types do, equal values have equal keys and hashes, keys
 * decode back. Tuples are random; the seed is printed and may be given as QUERN_TEST_SEED. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "storage/keycodec.h"
#include "types/array.h"
#include "types/jsonb.h"
#include "types/numeric.h"

static uint64_t rng_state;

static uint64_t
rnd(void)
{
    uint64_t z = (rng_state += 0x9E3779B97F4A7C15ull);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

static int
pick(int n)
{
    return (int)(rnd() % (uint64_t)n);
}

/* Small numbers often, so that equal values occur; extremes sometimes. */
static int64_t
rnd_int(int bits)
{
    int64_t max = bits == 64 ? INT64_MAX : ((int64_t)1 << (bits - 1)) - 1;
    switch (pick(6)) {
    case 0:
        return max;
    case 1:
        return -max - 1;
    case 2:
        return (int64_t)(rnd() >> (64 - bits)) * (rnd() & 1 ? 1 : -1) % (max != 0 ? max : 1);
    default:
        return pick(7) - 3;
    }
}

static Str
rnd_str(Arena *a, bool zeros)
{
    static const char letters[] = "ab \x01\x7f\xc3\xa9";
    int n = pick(3) == 0 ? pick(40) : pick(4);
    char *p = arena_alloc(a, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        p[i] = zeros && pick(3) == 0 ? (pick(2) ? 0 : (char)0xFF) : letters[pick(7)];
    return str_make(p, (size_t)n);
}

static Value
rnd_numeric(Ctx *ctx, Arena *a)
{
    Value v = {.type = TYPE_NUMERIC, .phys = PHYS_I64}, out;
    int kind = pick(12);
    if (kind == 0) {
        assert_int_equal(value_in(ctx, a, "NaN", 3, TYPE_NUMERIC, -1, &v), QN_OK);
        return v;
    }
    if (kind <= 2) {
        static const char *const texts[] = {"Infinity",
                                            "-Infinity",
                                            "1e70",
                                            "-1e70",
                                            "123456789012345678901234567890123456789012345.678",
                                            "1e-50",
                                            "-1e-50",
                                            "1.5e-30",
                                            "100000000000000000000",
                                            "0.00001"};
        const char *t = texts[pick(10)];
        assert_int_equal(value_in(ctx, a, t, strlen(t), TYPE_NUMERIC, -1, &v), QN_OK);
        return v;
    }
    v.scale = (int16_t)pick(8);
    v.i64 = pick(3) == 0 ? rnd_int(60) % 1000000000000000000 : pick(21) - 10;
    for (int i = pick(3); i > 0 && v.i64 < 1000000000 && v.i64 > -1000000000; i--)
        v.i64 *= 10, v.scale++;
    if (pick(2)) {
        v.i128 = v.i64;
        v.phys = PHYS_I128;
        for (int i = pick(12); i > 0; i--) v.i128 *= 10, v.scale++;
    }
    if (pick(2)) {
        assert_int_equal(numeric_value_convert(ctx, a, &v, PHYS_STR, v.scale, &out), QN_OK);
        return out;
    }
    return v;
}

static void
push_random(JsonbBuilder *b, Arena *a, int depth)
{
    int kind = pick(depth > 0 ? 6 : 4), n = pick(3);
    if (kind == 0) {
        assert_int_equal(jsonb_push_null(b), QN_OK);
    } else if (kind == 1) {
        assert_int_equal(jsonb_push_bool(b, pick(2)), QN_OK);
    } else if (kind == 2) {
        Value v = rnd_numeric(b->ctx, a);
        assert_int_equal(jsonb_push_number(b, &v), QN_OK);
    } else if (kind == 3) {
        Str s = rnd_str(a, false);
        assert_int_equal(jsonb_push_str(b, &s), QN_OK);
    } else {
        static const char *const keys[] = {"", "a", "b", "bb", "ab"};
        assert_int_equal(jsonb_begin(b, kind == 4 ? JSONB_ARRAY : JSONB_OBJECT), QN_OK);
        for (int i = 0; i < n; i++) {
            const char *key = keys[pick(5)];
            if (kind == 5) assert_int_equal(jsonb_push_key(b, key, strlen(key)), QN_OK);
            push_random(b, a, depth - 1);
        }
        assert_int_equal(jsonb_end(b), QN_OK);
    }
}

static Value
rnd_value(Ctx *ctx, Arena *a, Oid type)
{
    static const double doubles[] = {0.0, -0.0, 1, -1, 1.5, 1e300, -1e300, 5e-324, 0.1};
    Value v;
    memset(&v, 0, sizeof(v));
    v.type = type;
    v.phys = type_info(type)->phys;
    switch (type) {
    case TYPE_BOOL:
        v.b = pick(2);
        break;
    case TYPE_INT2:
        v.i16 = (int16_t)rnd_int(16);
        break;
    case TYPE_FLOAT4:
        v.f32 = pick(8) == 0   ? __builtin_nanf("")
                : pick(8) == 0 ? -__builtin_inff()
                               : (float)doubles[pick(9)];
        break;
    case TYPE_FLOAT8:
        v.f64 = pick(8) == 0   ? __builtin_nan("")
                : pick(8) == 0 ? __builtin_inf()
                               : doubles[pick(9)];
        break;
    case TYPE_INTERVAL:
        v.interval.months = (int32_t)(pick(3) - 1);
        v.interval.days = pick(2) ? pick(61) - 30 : 0;
        v.interval.us = pick(2) ? 0 : (int64_t)(pick(5) - 2) * 86400000000;
        break;
    case TYPE_UUID:
        for (int i = 0; i < 16; i++) v.uuid.bytes[i] = (uint8_t)(pick(2) * 0x91);
        break;
    case TYPE_NUMERIC:
        return rnd_numeric(ctx, a);
    case TYPE_BYTEA:
        v.str = rnd_str(a, true);
        break;
    case TYPE_JSONB: {
        JsonbBuilder b = jsonb_builder(ctx, a);
        push_random(&b, a, 3);
        assert_int_equal(jsonb_finish(&b, &v.str), QN_OK);
        break;
    }
    default:
        if (type_info(type)->elem_oid != 0) {
            Oid elem = type_info(type)->elem_oid;
            ArrayBuilder b = array_builder(a, elem);
            int n = pick(4);
            for (int i = 0; i < n; i++) {
                Value e = rnd_value(ctx, a, elem), d;
                assert_int_equal(value_default_form(ctx, a, &e, &d), QN_OK);
                assert_int_equal(pick(5) == 0 ? array_add_null(ctx, &b) : array_add(ctx, &b, &d),
                                 QN_OK);
            }
            int32_t dims[2] = {n, 1}, lb[2] = {pick(2), 1};
            assert_int_equal(array_finish(ctx, &b, pick(4) == 0 && n > 0 ? 2 : 1, dims, lb, &v.str),
                             QN_OK);
        } else if (v.phys == PHYS_I32) {
            v.i32 = (int32_t)rnd_int(32);
        } else if (v.phys == PHYS_I64) {
            v.i64 = rnd_int(64);
        } else {
            v.str = rnd_str(a, false);
        }
    }
    return v;
}

static const Oid all_types[] = {
    TYPE_BOOL,        TYPE_INT2,          TYPE_INT4,        TYPE_INT8,    TYPE_OID,
    TYPE_FLOAT4,      TYPE_FLOAT8,        TYPE_DATE,        TYPE_TIME,    TYPE_TIMESTAMP,
    TYPE_TIMESTAMPTZ, TYPE_INTERVAL,      TYPE_UUID,        TYPE_NUMERIC, TYPE_TEXT,
    TYPE_VARCHAR,     TYPE_BPCHAR,        TYPE_BYTEA,       TYPE_NAME,    TYPE_INT4_ARRAY,
    TYPE_TEXT_ARRAY,  TYPE_NUMERIC_ARRAY, TYPE_FLOAT8_ARRAY, TYPE_JSONB,
    TYPE_JSONB_ARRAY};
enum { NTYPES = sizeof(all_types) / sizeof(all_types[0]), ROWS = 200 };

typedef struct Fixture {
    Ctx ctx;
    Arena *arena;
} Fixture;

static int
sign(int c)
{
    return (c > 0) - (c < 0);
}

/* SQL order of two values of one key column. */
static int
column_cmp(const KeyColumn *c, const Value *a, const Value *b)
{
    if (a->is_null || b->is_null) {
        if (a->is_null && b->is_null) return 0;
        return a->is_null == c->nulls_first ? -1 : 1;
    }
    int r = sign(type_info(c->type)->cmp(a, b));
    return c->desc ? -r : r;
}

static void
check_tuples(Fixture *f, int ncols)
{
    KeyColumn cols[4];
    KeyFormat fmt;
    Arena *a = arena_create(NULL, "test");
    Value(*rows)[4] = arena_zalloc(a, sizeof(Value[4]) * ROWS);
    StrBuf keys[ROWS];
    for (int c = 0; c < ncols; c++)
        assert_int_equal(key_column_init(&f->ctx, &cols[c], all_types[pick(NTYPES)], -1, pick(2),
                                         pick(2), pick(2)),
                         QN_OK);
    key_format_init(&fmt, cols, ncols);
    for (int i = 0; i < ROWS; i++) {
        for (int c = 0; c < ncols; c++) {
            rows[i][c] = rnd_value(&f->ctx, a, cols[c].type);
            if (!cols[c].not_null && pick(6) == 0) rows[i][c] = value_null(cols[c].type);
        }
        keys[i] = strbuf_new(a);
        assert_int_equal(key_encode_values(&f->ctx, &fmt, rows[i], ncols, &keys[i], NULL), QN_OK);
        size_t at = 0;
        for (int c = 0; c < ncols; c++) {
            if (cols[c].enc == KEY_RECORD) continue;
            size_t w =
                key_column_bytes(&cols[c], (uint8_t *)keys[i].data + at, keys[i].nbytes - at);
            assert_true(w > 0);
            at += w;
        }
        assert_int_equal(at, keys[i].nbytes);
        if (fmt.fixed_bytes != 0) assert_int_equal(keys[i].nbytes, fmt.fixed_bytes);
    }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++) {
            int want = 0;
            for (int c = 0; c < ncols && want == 0; c++)
                want = column_cmp(&cols[c], &rows[i][c], &rows[j][c]);
            int got = sign(key_compare((uint8_t *)keys[i].data, keys[i].nbytes,
                                       (uint8_t *)keys[j].data, keys[j].nbytes));
            if (got != want) {
                StrBuf b = strbuf_new(a);
                for (int c = 0; c < ncols; c++) {
                    strbuf_addf(&b, "[%s desc %d] ", type_info(cols[c].type)->name, cols[c].desc);
                    if (!rows[i][c].is_null) (void)value_out(&f->ctx, &b, &rows[i][c]);
                    strbuf_addz(&b, " | ");
                    if (!rows[j][c].is_null) (void)value_out(&f->ctx, &b, &rows[j][c]);
                    strbuf_addz(&b, "\n");
                }
                print_error("want %d got %d: %s\n", want, got, b.data);
            }
            assert_int_equal(got, want);
            if (want == 0)
                for (int c = 0; c < ncols; c++) {
                    uint64_t h, k;
                    assert_int_equal(key_hash_value(&f->ctx, &rows[i][c], &h), QN_OK);
                    assert_int_equal(key_hash_value(&f->ctx, &rows[j][c], &k), QN_OK);
                    assert_true(h == k);
                }
        }
    arena_destroy(a);
}

static void
test_key_order_is_the_types_order(void **state)
{
    Fixture *f = *state;
    for (int round = 0; round < 60; round++) check_tuples(f, 1 + pick(4));
}

/* Vectors of every shape give the bytes that single values give, and reversible columns come back.
 */
static void
test_vectors_encode_like_values_and_decode_back(void **state)
{
    Fixture *f = *state;
    for (int round = 0; round < 150; round++) {
        Arena *a = arena_create(NULL, "test");
        int ncols = 1 + pick(3), n = 1 + pick(BATCH_ROWS < 100 ? BATCH_ROWS : 100);
        KeyColumn cols[3];
        KeyFormat fmt;
        Vector *vecs[3], *out[3];
        Value(*rows)[3] = arena_zalloc(a, sizeof(Value[3]) * (size_t)n);
        for (int c = 0; c < ncols; c++) {
            Oid type = all_types[pick(NTYPES)];
            int32_t typmod =
                type == TYPE_NUMERIC && pick(2) ? numeric_typmod(pick(2) ? 12 : 30, 3) : -1;
            assert_int_equal(
                key_column_init(&f->ctx, &cols[c], type, typmod, pick(2), pick(2), pick(3) == 0),
                QN_OK);
            vecs[c] = vec_create(a, type, n);
            if (typmod >= 0) {
                vec_reset(vecs[c], cols[c].enc == KEY_NUM64 ? PHYS_I64 : PHYS_I128);
                vecs[c]->scale = 3;
            }
            Phys phys = (Phys)vecs[c]->phys;
            bool constant = pick(4) == 0;
            for (int i = 0; i < n; i++) {
                Value v = rnd_value(&f->ctx, a, type), d;
                if (typmod >= 0) {
                    v = (Value){.type = type, .phys = (uint8_t)phys, .scale = 3};
                    if (phys == PHYS_I64)
                        v.i64 = pick(2000) - 1000;
                    else
                        v.i128 = (int128)(pick(2000) - 1000) * 1000000000000000000;
                } else {
                    assert_int_equal(value_default_form(&f->ctx, a, &v, &d), QN_OK);
                    v = d;
                }
                if (constant && i > 0) v = rows[0][c];
                if (!constant && !cols[c].not_null && pick(5) == 0) v = value_null(type);
                rows[i][c] = v;
                vec_put(vecs[c], i, &v);
            }
            if (constant) vecs[c]->shape = VEC_CONST;
            out[c] = cols[c].reversible ? vec_create(a, type, n) : NULL;
        }
        key_format_init(&fmt, cols, ncols);
        KeyRows keys = key_rows_new(a);
        assert_int_equal(key_encode(&f->ctx, &fmt, vecs, NULL, n, &keys), QN_OK);
        const uint8_t *ptrs[100];
        uint32_t lens[100];
        for (int i = 0; i < n; i++) {
            StrBuf one = strbuf_new(a);
            assert_int_equal(key_encode_values(&f->ctx, &fmt, rows[i], ncols, &one, NULL), QN_OK);
            ptrs[i] = key_rows_get(&keys, i, &lens[i]);
            assert_int_equal(lens[i], one.nbytes);
            assert_memory_equal(ptrs[i], one.data, one.nbytes);
        }
        uint16_t sel[100];
        int nsel = 0;
        for (int i = 0; i < n; i++)
            if (pick(2)) sel[nsel++] = (uint16_t)i;
        KeyRows some = key_rows_new(a);
        assert_int_equal(key_encode(&f->ctx, &fmt, vecs, sel, nsel, &some), QN_OK);
        for (int i = 0; i < nsel; i++) {
            uint32_t m;
            const uint8_t *p = key_rows_get(&some, i, &m);
            assert_int_equal(m, lens[sel[i]]);
            assert_memory_equal(p, ptrs[sel[i]], m);
        }
        assert_int_equal(key_decode(&f->ctx, &fmt, ptrs, lens, n, out, a), QN_OK);
        for (int c = 0; c < ncols; c++) {
            if (out[c] == NULL) continue;
            for (int i = 0; i < n; i++) {
                Value v = vec_get(out[c], i);
                assert_int_equal(v.is_null, rows[i][c].is_null);
                if (!v.is_null) assert_int_equal(type_info(cols[c].type)->cmp(&v, &rows[i][c]), 0);
            }
        }
        uint64_t hashes[100], one;
        assert_int_equal(key_hash(&f->ctx, vecs, 1, NULL, n, hashes), QN_OK);
        for (int i = 0; i < n; i++) {
            assert_int_equal(key_hash_value(&f->ctx, &rows[i][0], &one), QN_OK);
            assert_true(one == hashes[i]);
        }
        arena_destroy(a);
    }
}

/* A bound that a numeric column cannot hold is rounded down and said to be. */
static void
test_numeric_bounds_are_rounded_down(void **state)
{
    Fixture *f = *state;
    Arena *a = arena_create(NULL, "test");
    static const struct {
        const char *text;
        int64_t floor;
        bool inexact;
    } cases[] = {{"1.23", 123, false},
                 {"1.2", 120, false},
                 {"1.235", 123, true},
                 {"-1.235", -124, true},
                 {"0.001", 0, true},
                 {"-0.001", -1, true},
                 {"7", 700, false},
                 {"-0.00000000000000000001", -1, true},
                 {"1e40", INT64_MAX - 1, true},
                 {"-1e40", INT64_MIN, true},
                 {"NaN", INT64_MAX, false}};
    KeyColumn c;
    assert_int_equal(
        key_column_init(&f->ctx, &c, TYPE_NUMERIC, numeric_typmod(10, 2), false, false, true),
        QN_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        Value v;
        bool inexact = false;
        StrBuf b = strbuf_new(a);
        assert_int_equal(
            value_in(&f->ctx, a, cases[i].text, strlen(cases[i].text), TYPE_NUMERIC, -1, &v),
            QN_OK);
        assert_int_equal(key_encode_value(&f->ctx, &c, &v, &b, &inexact), QN_OK);
        uint64_t k;
        memcpy(&k, b.data, 8);
        assert_int_equal((int64_t)(__builtin_bswap64(k) ^ 1ull << 63), cases[i].floor);
        assert_int_equal(inexact, cases[i].inexact);
    }
    arena_destroy(a);
}

static void
test_json_has_no_order(void **state)
{
    Fixture *f = *state;
    KeyColumn c;
    assert_int_equal(key_column_init(&f->ctx, &c, TYPE_JSON, -1, false, false, false),
                     ERR_UNDEFINED_FUNCTION);
    assert_string_equal(f->ctx.err.message,
                        "could not identify an ordering operator for type json");
    err_clear(&f->ctx.err);
}

static int
setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    Fixture *f = *state;
    err_clear(&f->ctx.err);
    free(f);
    return 0;
}

int
main(void)
{
    const char *seed = getenv("QUERN_TEST_SEED");
    rng_state = seed != NULL ? strtoull(seed, NULL, 0) : 20240607;
    printf("seed %llu\n", (unsigned long long)rng_state);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_key_order_is_the_types_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_vectors_encode_like_values_and_decode_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_numeric_bounds_are_rounded_down, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_has_no_order, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
