/* float_text.c - see float_text.h.
 *
 * Output is Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles"): of the
 * decimals inside the interval that rounds to v, the shortest, and of these the closest. One
 * 64x128-bit product for each of the interval's ends and v. Like PostgreSQL we leave out the
 * interval's ends themselves, even where round-to-even would let them read back.
 *
 * Input takes the exact fast path (Clinger): up to 15 digits and a power of ten up to 10^22 are
 * both exact doubles, so that one multiplication or division rounds once. All else goes to strtod
 * in the "C" locale. */
#include "types/float_text.h"

#include "common/arena.h"
#include "common/num.h"
#include "common/str.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define POW10_MIN (-292)

static const struct {
    uint64_t high, low;
} pow10_table[] = {
#define POW10(high, low) {high, low},
#include "types/pow10.def"
#undef POW10
};

/* Digits and exponent: value = digits * 10^exponent. */
typedef struct Decimal {
    uint64_t digits;
    int exponent;
} Decimal;

/* floor(log10(2^e)), floor(log10(3/4 * 2^e)) and floor(log2(10^e)) for the exponents that occur. */
static int
floor_log10_pow2(int e)
{
    return (e * 1262611) >> 22;
}
static int
floor_log10_three_quarters_pow2(int e)
{
    return (e * 1262611 - 524031) >> 22;
}
static int
floor_log2_pow10(int e)
{
    return (e * 1741647) >> 19;
}

/* The upper 64 bits of the 192-bit product, the lowest bit set if anything below was cut off. */
static uint64_t
multiply_round_to_odd(uint64_t high, uint64_t low, uint64_t v)
{
    uint128 x = (uint128)low * v, y = (uint128)high * v;
    y += (uint64_t)(x >> 64);
    return (uint64_t)(y >> 64) | ((uint64_t)y > 1);
}

/* significand * 2^exponent, its lower neighbour half as far where that is so (a power of two). */
static Decimal
shortest(uint64_t significand, int exponent, bool lower_is_closer)
{
    if (exponent <= 0 && exponent > -53 && (significand & (((uint64_t)1 << -exponent) - 1)) == 0)
        return (Decimal){significand >> -exponent, 0}; /* a small integer */
    uint64_t left = 4 * significand - 2 + lower_is_closer, middle = 4 * significand,
             right = 4 * significand + 2;
    int k =
        lower_is_closer ? floor_log10_three_quarters_pow2(exponent) : floor_log10_pow2(exponent);
    int shift = exponent + floor_log2_pow10(-k) + 1;
    uint64_t high = pow10_table[-k - POW10_MIN].high, low = pow10_table[-k - POW10_MIN].low;
    uint64_t lower = multiply_round_to_odd(high, low, left << shift) + 1;
    uint64_t v = multiply_round_to_odd(high, low, middle << shift);
    uint64_t upper = multiply_round_to_odd(high, low, right << shift) - 1;
    uint64_t s = v / 4;
    if (s >= 10) { /* one digit less? */
        uint64_t ten = s / 10;
        bool below = lower <= 40 * ten, above = 40 * ten + 40 <= upper;
        if (below != above) return (Decimal){ten + above, k + 1};
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above) return (Decimal){s + above, k};
    uint64_t half = 4 * s + 2;
    return (Decimal){s + (v > half || (v == half && (s & 1) != 0)), k};
}

/* Positional between 10^-4 and 10^limit, else with an exponent of at least two digits. */
static int
format_decimal(Decimal d, bool negative, int limit, char *out)
{
    char digits[24];
    int n = 0, len = 0;
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    n = num_format_i64((int64_t)d.digits, digits);
    int point = n + d.exponent; /* digits before the decimal point */
    if (negative) out[len++] = '-';
    if (point - 1 < -4 || point - 1 >= limit) {
        int e = point - 1;
        out[len++] = digits[0];
        if (n > 1) {
            out[len++] = '.';
            memcpy(out + len, digits + 1, (size_t)(n - 1));
            len += n - 1;
        }
        out[len++] = 'e';
        out[len++] = e < 0 ? '-' : '+';
        if (e < 0) e = -e;
        if (e < 10) out[len++] = '0';
        return len + num_format_i64(e, out + len);
    }
    if (point <= 0) {
        out[len++] = '0';
        out[len++] = '.';
        for (int i = point; i < 0; i++) out[len++] = '0';
        memcpy(out + len, digits, (size_t)n);
        return len + n;
    }
    for (int i = 0; i < n || i < point; i++) {
        if (i == point) out[len++] = '.';
        out[len++] = i < n ? digits[i] : '0';
    }
    return len;
}

static int
format_special(double v, char *out)
{
    const char *text = v == 0     ? (signbit(v) ? "-0" : "0")
                       : isnan(v) ? "NaN"
                       : v > 0    ? "Infinity"
                                  : "-Infinity";
    size_t n = strlen(text);
    memcpy(out, text, n);
    return (int)n;
}

int
float8_format(double v, char out[FLOAT_TEXT_MAX])
{
    uint64_t bits;
    if (v == 0 || !isfinite(v)) return format_special(v, out);
    memcpy(&bits, &v, sizeof(bits));
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    int exponent = (int)(bits >> 52 & 0x7FF);
    Decimal d = exponent == 0 ? shortest(fraction, 1 - 1075, false)
                              : shortest(fraction | (uint64_t)1 << 52, exponent - 1075,
                                         fraction == 0 && exponent > 1);
    return format_decimal(d, v < 0, 15, out);
}

int
float4_format(float v, char out[FLOAT_TEXT_MAX])
{
    uint32_t bits;
    if (v == 0 || !isfinite(v)) return format_special(v, out);
    memcpy(&bits, &v, sizeof(bits));
    uint32_t fraction = bits & (((uint32_t)1 << 23) - 1);
    int exponent = (int)(bits >> 23 & 0xFF);
    Decimal d = exponent == 0 ? shortest(fraction, 1 - 150, false)
                              : shortest(fraction | (uint32_t)1 << 23, exponent - 150,
                                         fraction == 0 && exponent > 1);
    return format_decimal(d, v < 0, 6, out);
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void
make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int
float8_format_digits(double v, int ndigits, char out[FLOAT_TEXT_MAX])
{
    if (v == 0 || !isfinite(v)) return format_special(v, out);
    if (ndigits < 1) ndigits = 1;
    if (ndigits > 17) ndigits = 17;
    int n = snprintf(out, FLOAT_TEXT_MAX, "%.*g", ndigits, v);
    for (int i = 0; i < n; i++) /* the host's decimal point, whatever it is */
        if (!ascii_is_digit(out[i]) && out[i] != '-' && out[i] != '+' && out[i] != 'e')
            out[i] = '.';
    return n;
}

static bool
match_word(const char **p, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - *p) < n || ascii_ncasecmp(*p, word, n) != 0) return false;
    *p += n;
    return true;
}

/* NaN and infinities in every spelling PostgreSQL takes. */
static bool
parse_special(const char *text, const char *end, double *out, const char **end_out)
{
    const char *p = text;
    bool negative = false, found = true;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (match_word(&p, end, "infinity") || match_word(&p, end, "inf"))
        *out = INFINITY;
    else if (match_word(&p, end, "nan"))
        *out = NAN;
    else
        found = false;
    if (found && negative) *out = -*out;
    *end_out = p;
    return found;
}

static const double exact_pow10[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The fast path; false when the number is not plain decimal or too long for it. */
static bool
parse_exact(const char *text, const char *end, double *out, const char **end_out)
{
    const char *p = text;
    bool negative = false;
    uint64_t m = 0;
    int ndigits = 0, nseen = 0, exponent = 0;
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    for (; p < end && ascii_is_digit(*p); p++, nseen++) {
        m = m * 10 + (uint64_t)(*p - '0');
        if (m != 0) ndigits++;
        if (ndigits > 15) return false;
    }
    if (p < end && (*p | 32) == 'x') return false;
    if (p < end && *p == '.')
        for (p++; p < end && ascii_is_digit(*p); p++, nseen++) {
            m = m * 10 + (uint64_t)(*p - '0');
            if (m != 0) ndigits++;
            exponent--;
            if (ndigits > 15) return false;
        }
    if (nseen == 0) return false;
    if (p < end && (*p | 32) == 'e') {
        const char *q = p + 1;
        bool minus = false;
        int e = 0;
        if (q < end && (*q == '-' || *q == '+')) minus = *q++ == '-';
        if (q < end && ascii_is_digit(*q)) { /* else the number ends before the e */
            for (; q < end && ascii_is_digit(*q); q++)
                if (e < 10000) e = e * 10 + (*q - '0');
            exponent += minus ? -e : e;
            p = q;
        }
    }
    if (exponent < -22 || exponent > 22) return false;
    double v = (double)m;
    v = exponent < 0 ? v / exact_pow10[-exponent] : v * exact_pow10[exponent];
    *out = negative ? -v : v;
    *end_out = p;
    return true;
}

/* strtod needs a NUL after the number; numbers of more than a stack buffer's digits are copied to
 * the heap. */
static FloatParse
parse_slow(const char *text, size_t nbytes, bool single, double *out, const char **end_out)
{
    char buf[128], *copy = nbytes < sizeof(buf) ? buf : mem_alloc(NULL, nbytes + 1), *stop;
    if (copy == NULL) return FLOAT_NO_MEMORY;
    memcpy(copy, text, nbytes);
    copy[nbytes] = '\0';
    pthread_once(&c_locale_once, make_c_locale);
    errno = 0;
    double v = single ? (double)strtof_l(copy, &stop, c_locale) : strtod_l(copy, &stop, c_locale);
    bool range = errno == ERANGE && (v == 0 || isinf(v)); /* denormals are fine */
    *end_out = text + (stop - copy);
    *out = v;
    if (copy != buf) mem_free(NULL, copy, nbytes + 1);
    if (*end_out == text) return FLOAT_MALFORMED;
    return range ? FLOAT_RANGE : FLOAT_OK;
}

FloatParse
float8_parse(const char *text, size_t nbytes, double *out, const char **end_out)
{
    if (parse_exact(text, text + nbytes, out, end_out)) return FLOAT_OK;
    if (parse_special(text, text + nbytes, out, end_out)) return FLOAT_OK;
    return parse_slow(text, nbytes, false, out, end_out);
}

FloatParse
float4_parse(const char *text, size_t nbytes, float *out, const char **end_out)
{
    double v;
    FloatParse r = FLOAT_OK;
    if (!parse_special(text, text + nbytes, &v, end_out))
        r = parse_slow(text, nbytes, true, &v, end_out);
    *out = (float)v;
    return r;
}
