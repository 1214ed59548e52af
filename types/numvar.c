/* numvar.c - see numvar.h. Schoolbook algorithms: numbers of a query are short. */
#include "types/numvar.h"

#include <assert.h>
#include <math.h>

static const int pow10_small[4] = {1, 10, 100, 1000};

Status
numvar_reserve(NumWork *w, NumVar *v, int n)
{
    if (n > v->cap) {
        TRY_ALLOC(w->ctx, v->digits, arena_alloc(w->arena, (size_t)n * sizeof(int16_t)));
        v->cap = n;
    }
    return QN_OK;
}

Status
numvar_copy(NumWork *w, const NumVar *a, NumVar *out)
{
    if (a == out) return QN_OK;
    TRY(numvar_reserve(w, out, a->ndigits));
    memcpy(out->digits, a->digits, (size_t)a->ndigits * sizeof(int16_t));
    out->ndigits = a->ndigits;
    out->weight = a->weight;
    out->dscale = a->dscale;
    out->kind = a->kind;
    out->negative = a->negative;
    return QN_OK;
}

void
numvar_strip(NumVar *v)
{
    int first = 0;
    while (first < v->ndigits && v->digits[first] == 0) first++;
    while (v->ndigits > first && v->digits[v->ndigits - 1] == 0) v->ndigits--;
    if (first > 0) {
        v->ndigits -= first;
        v->weight -= first;
        memmove(v->digits, v->digits + first, (size_t)v->ndigits * sizeof(int16_t));
    }
    if (v->ndigits == 0) {
        v->weight = 0;
        v->negative = false;
    }
}

/* Digits to and from other forms. */

Status
numvar_from_i128(NumWork *w, int128 v, int scale, NumVar *out)
{
    int16_t low_first[12];
    int n = 0, odd = scale % 4, nfraction = (scale + 3) / 4;
    uint128 u = v < 0 ? 0 - (uint128)v : (uint128)v;
    if (odd != 0) { /* the last digit of base 10000 is only partly filled */
        unsigned by = (unsigned)pow10_small[odd];
        bool narrow = u <= UINT64_MAX; /* 128-bit division is an order slower */
        low_first[n++] =
            (int16_t)((int)(narrow ? (uint64_t)u % by : u % by) * pow10_small[4 - odd]);
        u = narrow ? (uint64_t)u / by : u / by;
    }
    while (u > UINT64_MAX) {
        uint64_t part = (uint64_t)(u % 10000000000000000u);
        u /= 10000000000000000u;
        for (int i = 0; i < 4; i++, part /= NUMERIC_BASE)
            low_first[n++] = (int16_t)(part % NUMERIC_BASE);
    }
    for (uint64_t part = (uint64_t)u; part != 0; part /= NUMERIC_BASE)
        low_first[n++] = (int16_t)(part % NUMERIC_BASE);
    TRY(numvar_reserve(w, out, n));
    for (int i = 0; i < n; i++) out->digits[i] = low_first[n - 1 - i];
    out->ndigits = n;
    out->weight = n - nfraction - 1;
    out->dscale = scale;
    out->kind = NUMERIC_FINITE;
    out->negative = v < 0;
    numvar_strip(out);
    return QN_OK;
}

bool
numvar_to_i128(const NumVar *v, int scale, int128 *out)
{
    int128 u = 0;
    int ngroups = v->weight + 1 + scale / 4,
        odd = scale % 4; /* digits up to the last whole group */
    int i = 0;
    if (v->ndigits == 0) {
        *out = 0;
        return true;
    }
    if (ngroups > 11) return false;
    for (; i < ngroups; i++) {
        int digit = i < v->ndigits ? v->digits[i] : 0;
        if (num_mul_overflows(u, NUMERIC_BASE, &u) || num_add_overflows(u, digit, &u)) return false;
    }
    if (ngroups < 0) return false; /* a digit smaller than any place */
    if (odd != 0) {
        int digit = i < v->ndigits ? v->digits[i] : 0, cut = pow10_small[4 - odd];
        if (digit % cut != 0 || num_mul_overflows(u, pow10_small[odd], &u) ||
            num_add_overflows(u, digit / cut, &u))
            return false;
        i++;
    }
    if (v->ndigits > i) return false;
    *out = v->negative ? -u : u;
    return true;
}

double
numvar_to_double(const NumVar *v)
{
    double f = 0;
    int i = 0;
    for (; i < v->ndigits && i < 5; i++) f = f * NUMERIC_BASE + v->digits[i];
    f *= pow(10.0,
             4.0 * (v->weight - i + 1)); /* may become infinite or zero, which callers expect */
    return v->negative ? -f : f;
}

#define HEADER_NEGATIVE 0x4000
#define HEADER_SPECIAL 0xC000
#define HEADER_POS_INF 0xD000
#define HEADER_NEG_INF 0xF000

static void
put_header(char *out, uint16_t head, int16_t weight)
{
    memcpy(out, &head, 2);
    memcpy(out + 2, &weight, 2);
}

Status
numvar_pack(NumWork *w, const NumVar *v, Str *out)
{
    char room[STR_INLINE_MAX], *p = room;
    if (v->kind != NUMERIC_FINITE) {
        put_header(room,
                   v->kind == NUMERIC_NAN       ? HEADER_SPECIAL
                   : v->kind == NUMERIC_POS_INF ? HEADER_POS_INF
                                                : HEADER_NEG_INF,
                   0);
        *out = str_make(room, 4);
        return QN_OK;
    }
    int first = 0, n = v->ndigits;
    while (first < n && v->digits[first] == 0) first++;
    while (n > first && v->digits[n - 1] == 0) n--;
    n -= first;
    int weight = n > 0 ? v->weight - first : 0;
    if (weight > NUMERIC_WEIGHT_MAX || v->dscale > NUMERIC_DSCALE_MAX)
        return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
    size_t nbytes = 4 + (size_t)n * 2;
    if (nbytes > STR_INLINE_MAX) TRY_ALLOC(w->ctx, p, arena_alloc(w->arena, nbytes));
    put_header(p, (uint16_t)(v->dscale | (v->negative && n > 0 ? HEADER_NEGATIVE : 0)),
               (int16_t)weight);
    memcpy(p + 4, v->digits + first, (size_t)n * 2);
    *out = str_make(p, nbytes);
    return QN_OK;
}

Status
numvar_pack_int(NumWork *w, int128 v, int scale, Str *out)
{
    char room[4 + 2 * 12], *p = room + sizeof(room);
    uint128 u = v < 0 ? 0 - (uint128)v : (uint128)v;
    int odd = scale % 4, place = -((scale + 3) / 4); /* of the digit written next */
    if (u == 0) place = 0;
    while (u != 0) {
        int16_t digit;
        if (odd != 0) {
            unsigned by = (unsigned)pow10_small[odd];
            bool narrow = u <= UINT64_MAX;
            digit = (int16_t)((unsigned)(narrow ? (uint64_t)u % by : u % by) *
                              (unsigned)pow10_small[4 - odd]);
            u = narrow ? (uint64_t)u / by : u / by;
            odd = 0;
        } else if (u <= UINT64_MAX) {
            digit = (int16_t)((uint64_t)u % NUMERIC_BASE);
            u = (uint64_t)u / NUMERIC_BASE;
        } else {
            digit = (int16_t)(u % NUMERIC_BASE);
            u /= NUMERIC_BASE;
        }
        if (digit != 0 || p != room + sizeof(room)) { /* trailing zeros are left out */
            p -= 2;
            memcpy(p, &digit, 2);
        }
        place++;
    }
    int weight = p == room + sizeof(room) ? 0 : place - 1;
    bool negative = v < 0;
    put_header(p - 4, (uint16_t)(scale | (negative ? HEADER_NEGATIVE : 0)), (int16_t)weight);
    return str_copy(w->ctx, w->arena, p - 4, (size_t)(room + sizeof(room) - p) + 4, out);
}

bool
numvar_narrow_vector(const Vector *v, const uint16_t *sel, int n, int64_t *data, Vector *out)
{
    const Str *strs = v->data;
    bool constant = v->shape == VEC_CONST;
    int scale = -1, dscale;
    if (constant && n > 1) n = 1, sel = NULL;
    for (int k = 0; k < n; k++) {
        int i = constant ? 0 : sel != NULL ? sel[k] : k;
        if (v->valid != NULL && !bits_get(v->valid, (size_t)i)) continue;
        if (!numeric_str_int64(&strs[i], &data[i], &dscale)) return false;
        if (scale < 0) scale = dscale;
        if (dscale != scale) return false;
    }
    if (scale > NUMERIC_INT_SCALE_MAX) return false;
    *out = *v;
    out->phys = PHYS_I64;
    out->scale = (int16_t)(scale < 0 ? 0 : scale);
    out->data = data;
    return true;
}

bool
numvar_narrow(const KernelCall *call, int nargs, NarrowArgs *room, KernelCall *inner)
{
    bool any = false;
    *inner = *call;
    inner->args = room->args;
    for (int a = 0; a < call->nargs; a++) {
        room->args[a] = call->args[a];
        if (a >= nargs || call->args[a]->phys != PHYS_STR) continue;
        if (!numvar_narrow_vector(call->args[a], call->sel, call->n, room->data[a], &room->vecs[a]))
            return false;
        room->args[a] = &room->vecs[a];
        any = true;
    }
    return any;
}

Status
numvar_from_str(NumWork *w, const Str *s, NumVar *out)
{
    const char *p = str_data(s);
    uint16_t head;
    int16_t weight;
    assert(s->len >= 4);
    memcpy(&head, p, 2);
    memcpy(&weight, p + 2, 2);
    numvar_init(out);
    if ((head & HEADER_SPECIAL) == HEADER_SPECIAL) {
        out->kind = head == HEADER_SPECIAL   ? NUMERIC_NAN
                    : head == HEADER_POS_INF ? NUMERIC_POS_INF
                                             : NUMERIC_NEG_INF;
        out->negative = head == HEADER_NEG_INF;
        return QN_OK;
    }
    int n = (int)((s->len - 4) / 2);
    TRY(numvar_reserve(w, out, n));
    memcpy(out->digits, p + 4, (size_t)n * 2);
    out->ndigits = n;
    out->weight = weight;
    out->dscale = head & 0x3FFF;
    out->negative = (head & HEADER_NEGATIVE) != 0;
    return QN_OK;
}

Status
numvar_from_value(NumWork *w, const Value *v, NumVar *out)
{
    if (v->phys == PHYS_STR) return numvar_from_str(w, &v->str, out);
    numvar_init(out);
    return numvar_from_i128(w, v->phys == PHYS_I64 ? v->i64 : v->i128, v->scale, out);
}

void
numeric_view(const Value *v, NumericView *out)
{
    NumVar var;
    NumWork none = {
        NULL, NULL}; /* integers fit the small buffer, so nothing is allocated and nothing fails */
    if (v->phys != PHYS_STR) {
        numvar_init(&var);
        Status st = numvar_from_i128(&none, v->phys == PHYS_I64 ? v->i64 : v->i128, v->scale, &var);
        assert(st == QN_OK), (void)st;
        out->kind = NUMERIC_FINITE;
        out->negative = var.negative;
        out->dscale = v->scale;
        out->weight = var.weight;
        out->ndigits = var.ndigits;
        memcpy(out->room, var.digits, (size_t)var.ndigits * 2);
        out->digits = out->room;
        return;
    }
    const char *p = str_data(&v->str);
    uint16_t head;
    int16_t weight;
    memcpy(&head, p, 2);
    memcpy(&weight, p + 2, 2);
    bool special = (head & HEADER_SPECIAL) == HEADER_SPECIAL;
    out->kind = !special                 ? NUMERIC_FINITE
                : head == HEADER_SPECIAL ? NUMERIC_NAN
                : head == HEADER_POS_INF ? NUMERIC_POS_INF
                                         : NUMERIC_NEG_INF;
    out->negative = special ? head == HEADER_NEG_INF : (head & HEADER_NEGATIVE) != 0;
    out->dscale = special ? 0 : head & 0x3FFF;
    out->weight = weight;
    out->ndigits = special ? 0 : (int)((v->str.len - 4) / 2);
    out->digits = p + 4;
}

/* Text. */

static bool
match_word(const char **p, const char *end, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(end - *p) < n || ascii_ncasecmp(*p, word, n) != 0) return false;
    *p += n;
    return true;
}

/* The decimal digits text[0..nbytes), point left out, to base 10000; dweight is the power of ten of
 * the first. */
static Status
set_decimals(NumWork *w, const char *text, const char *end, int64_t dweight, NumVar *out)
{
    int64_t weight = dweight >= 0 ? dweight / 4 : -((3 - dweight) / 4);
    int offset =
        (int)((weight + 1) * 4 - (dweight + 1)); /* zeros before the first digit in its group */
    int64_t n = (end - text + offset + 3) / 4, at = offset;
    if (weight > NUMERIC_WEIGHT_MAX || n > INT32_MAX / 4)
        return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
    TRY(numvar_reserve(w, out, (int)n));
    memset(out->digits, 0, (size_t)n * 2);
    for (const char *p = text; p < end; p++) {
        if (*p == '.') continue;
        out->digits[at / 4] = (int16_t)(out->digits[at / 4] + (*p - '0') * pow10_small[3 - at % 4]);
        at++;
    }
    out->ndigits = (int)((at + 3) / 4);
    out->weight = (int)weight;
    numvar_strip(out);
    return QN_OK;
}

Status
numvar_from_text(NumWork *w, const char *text, size_t nbytes, NumVar *out, const char **end_out,
                 bool *ok_out)
{
    const char *p = text, *end = text + nbytes;
    bool negative = false;
    numvar_init(out);
    *ok_out = false;
    *end_out = text;
    if (match_word(&p, end, "nan")) {
        out->kind = NUMERIC_NAN;
        *end_out = p;
        *ok_out = true;
        return QN_OK;
    }
    if (p < end && (*p == '-' || *p == '+')) negative = *p++ == '-';
    if (match_word(&p, end, "infinity") || match_word(&p, end, "inf")) {
        out->kind = negative ? NUMERIC_NEG_INF : NUMERIC_POS_INF;
        out->negative = negative;
        *end_out = p;
        *ok_out = true;
        return QN_OK;
    }
    const char *digits = p, *point = NULL;
    int64_t nwhole = 0, nfraction = 0, exponent = 0;
    for (; p < end; p++) {
        if (ascii_is_digit(*p))
            (point == NULL ? nwhole++ : nfraction++);
        else if (*p == '.' && point == NULL)
            point = p;
        else
            break;
    }
    if (nwhole + nfraction == 0) return QN_OK;
    const char *digits_end = p;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool minus = false;
        p++;
        if (p < end && (*p == '-' || *p == '+')) minus = *p++ == '-';
        if (p == end || !ascii_is_digit(*p)) return QN_OK; /* an e needs its digits */
        for (; p < end && ascii_is_digit(*p); p++)
            if (exponent < INT32_MAX) exponent = exponent * 10 + (*p - '0');
        if (exponent >= INT32_MAX / 2)
            return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
        if (minus) exponent = -exponent;
    }
    int64_t dscale = nfraction - exponent;
    if (dscale < 0) dscale = 0;
    out->negative = negative;
    const char *first = digits; /* leading zeros do not count towards the size */
    int64_t dweight = nwhole - 1 + exponent;
    for (; first < digits_end && (*first == '0' || *first == '.'); first++)
        if (*first != '.') dweight--;
    if (first < digits_end) {
        if (dscale > NUMERIC_DSCALE_MAX)
            return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
        TRY(set_decimals(w, first, digits_end, dweight, out));
    } else {
        out->negative = false;
        if (dscale > NUMERIC_DSCALE_MAX)
            return RAISE(w->ctx, ERR_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
    }
    out->dscale = (int)dscale;
    *end_out = p;
    *ok_out = true;
    return QN_OK;
}

static void
put_group(char *out, int digit)
{
    out[0] = (char)('0' + digit / 1000);
    out[1] = (char)('0' + digit / 100 % 10);
    out[2] = (char)('0' + digit / 10 % 10);
    out[3] = (char)('0' + digit % 10);
}

void
numvar_format(const NumVar *v, StrBuf *b)
{
    char group[4];
    if (v->kind != NUMERIC_FINITE) {
        strbuf_addz(b, v->kind == NUMERIC_NAN       ? "NaN"
                       : v->kind == NUMERIC_POS_INF ? "Infinity"
                                                    : "-Infinity");
        return;
    }
    if (v->negative) strbuf_addc(b, '-');
    if (v->weight < 0) strbuf_addc(b, '0');
    for (int i = 0; i <= v->weight; i++) {
        put_group(group, i < v->ndigits ? v->digits[i] : 0);
        int skip = 0;
        if (i == 0)
            while (skip < 3 && group[skip] == '0') skip++;
        strbuf_add(b, group + skip, (size_t)(4 - skip));
    }
    if (v->dscale == 0) return;
    strbuf_addc(b, '.');
    for (int done = 0, i = v->weight + 1; done < v->dscale; done += 4, i++) {
        put_group(group, i >= 0 && i < v->ndigits ? v->digits[i] : 0);
        strbuf_add(b, group, (size_t)(v->dscale - done < 4 ? v->dscale - done : 4));
    }
}

/* Comparison, sums. */

static int
digit_at(const NumVar *v, int weight) /* of 10000^weight */
{
    int i = v->weight - weight;
    return i >= 0 && i < v->ndigits ? v->digits[i] : 0;
}

int
numvar_cmp_abs(const NumVar *a, const NumVar *b)
{
    int top = a->weight > b->weight ? a->weight : b->weight;
    int a_end = a->weight - a->ndigits, b_end = b->weight - b->ndigits,
        end = a_end < b_end ? a_end : b_end;
    if (a->ndigits == 0 || b->ndigits == 0) return (a->ndigits != 0) - (b->ndigits != 0);
    for (int i = top; i > end; i--) {
        int x = digit_at(a, i), y = digit_at(b, i);
        if (x != y) return x < y ? -1 : 1;
    }
    return 0;
}

static int
rank_of_kind(const NumVar *v)
{
    return v->kind == NUMERIC_NEG_INF   ? 0
           : v->kind == NUMERIC_FINITE  ? 1
           : v->kind == NUMERIC_POS_INF ? 2
                                        : 3;
}

int
numvar_cmp(const NumVar *a, const NumVar *b)
{
    if (a->kind != NUMERIC_FINITE || b->kind != NUMERIC_FINITE) {
        int x = rank_of_kind(a), y = rank_of_kind(b);
        return (x > y) - (x < y);
    }
    if (a->negative != b->negative) {
        if (a->ndigits == 0 && b->ndigits == 0) return 0;
        return a->negative ? -1 : 1;
    }
    int c = numvar_cmp_abs(a, b);
    return a->negative ? -c : c;
}

/* |a| + |b|, or |a| - |b| where |a| >= |b|. */
static Status
add_abs(NumWork *w, const NumVar *a, const NumVar *b, int sign_b, bool negative, NumVar *out)
{
    int top = (a->weight > b->weight ? a->weight : b->weight) + 1; /* one more for the carry */
    int a_end = a->weight - a->ndigits, b_end = b->weight - b->ndigits,
        end = a_end < b_end ? a_end : b_end;
    int dscale = a->dscale > b->dscale ? a->dscale : b->dscale;
    if (a->ndigits == 0) top = b->weight + 1, end = b_end;
    if (b->ndigits == 0) top = a->weight + 1, end = a_end;
    int n = top - end, carry = 0;
    NumVar r;
    numvar_init(&r);
    TRY(numvar_reserve(w, &r, n));
    for (int i = end + 1; i <= top; i++) {
        int d = digit_at(a, i) + sign_b * digit_at(b, i) + carry;
        carry = 0;
        if (d >= NUMERIC_BASE) d -= NUMERIC_BASE, carry = 1;
        if (d < 0) d += NUMERIC_BASE, carry = -1;
        r.digits[top - i] = (int16_t)d;
    }
    assert(carry == 0);
    r.ndigits = n;
    r.weight = top;
    r.negative = negative;
    r.dscale = dscale;
    numvar_strip(&r);
    return numvar_copy(w, &r, out);
}

Status
numvar_add(NumWork *w, const NumVar *a, const NumVar *b, NumVar *out)
{
    if (a->negative == b->negative) return add_abs(w, a, b, 1, a->negative, out);
    if (numvar_cmp_abs(a, b) >= 0) return add_abs(w, a, b, -1, a->negative, out);
    return add_abs(w, b, a, -1, b->negative, out);
}

Status
numvar_sub(NumWork *w, const NumVar *a, const NumVar *b, NumVar *out)
{
    if (a->negative != b->negative) return add_abs(w, a, b, 1, a->negative, out);
    if (numvar_cmp_abs(a, b) >= 0) return add_abs(w, a, b, -1, a->negative, out);
    return add_abs(w, b, a, -1, !b->negative, out);
}

/* Rounding. */

/* Cuts after rscale decimal places; returns whether what went was at least half a unit of the last.
 */
static bool
cut(NumVar *v, int rscale)
{
    v->dscale = rscale > 0 ? rscale : 0;
    int ndecimals =
        (v->weight + 1) * 4 + rscale; /* decimal digits that stay, counted from the first group */
    if (v->ndigits == 0) return false;
    if (ndecimals < 0) {
        v->ndigits = 0;
        numvar_strip(v);
        return false;
    }
    int keep = (ndecimals + 3) / 4, odd = ndecimals % 4;
    if (keep > v->ndigits || (keep == v->ndigits && odd == 0)) return false;
    bool half;
    if (odd == 0) {
        half = v->digits[keep] >= NUMERIC_BASE / 2;
    } else {
        int unit = pow10_small[4 - odd], rest = v->digits[keep - 1] % unit;
        half = rest >= unit / 2;
        v->digits[keep - 1] = (int16_t)(v->digits[keep - 1] - rest);
    }
    v->ndigits = keep;
    return half;
}

void
numvar_trunc(NumVar *v, int rscale)
{
    if (v->kind != NUMERIC_FINITE) return;
    cut(v, rscale);
    numvar_strip(v);
}

Status
numvar_round(NumWork *w, NumVar *v, int rscale)
{
    if (v->kind != NUMERIC_FINITE) return QN_OK;
    bool negative = v->negative;
    int ndecimals = (v->weight + 1) * 4 + rscale, weight = v->weight;
    if (!cut(v, rscale)) {
        numvar_strip(v);
        return QN_OK;
    }
    /* One unit in the last place that stayed. */
    int keep = (ndecimals + 3) / 4, unit = ndecimals % 4 == 0 ? 1 : pow10_small[4 - ndecimals % 4],
        i = keep - 1;
    bool carry = true;
    for (; i >= 0 && carry; i--) {
        int d = v->digits[i] + unit;
        unit = 1;
        carry = d >= NUMERIC_BASE;
        v->digits[i] = (int16_t)(carry ? d - NUMERIC_BASE : d);
    }
    if (carry) { /* all nines: one more digit in front */
        if (v->ndigits + 1 > v->cap) {
            int16_t *old = v->digits;
            int n = v->ndigits;
            TRY(numvar_reserve(w, v, n + 1));
            memcpy(v->digits + 1, old, (size_t)n * sizeof(int16_t));
        } else {
            memmove(v->digits + 1, v->digits, (size_t)v->ndigits * sizeof(int16_t));
        }
        v->digits[0] = keep == 0 ? (int16_t)unit : 1;
        v->ndigits++;
        v->weight = weight + 1;
    }
    v->negative = negative;
    numvar_strip(v);
    return QN_OK;
}

Status
numvar_floor(NumWork *w, NumVar *v)
{
    bool below = v->negative && !numvar_is_integer(v);
    NumVar one;
    numvar_trunc(v, 0);
    if (!below) return QN_OK;
    numvar_init(&one);
    TRY(numvar_from_i128(w, 1, 0, &one));
    return numvar_sub(w, v, &one, v);
}

Status
numvar_ceil(NumWork *w, NumVar *v)
{
    bool above = !v->negative && !numvar_is_integer(v);
    NumVar one;
    numvar_trunc(v, 0);
    if (!above) return QN_OK;
    numvar_init(&one);
    TRY(numvar_from_i128(w, 1, 0, &one));
    return numvar_add(w, v, &one, v);
}

/* Products and quotients. */

Status
numvar_mul(NumWork *w, const NumVar *a, const NumVar *b, int rscale, NumVar *out)
{
    uint64_t room[2 * NUMVAR_SMALL], *sum = room;
    int n = a->ndigits + b->ndigits;
    NumVar r;
    numvar_init(&r);
    r.dscale = rscale;
    if (a->ndigits == 0 || b->ndigits == 0) return numvar_copy(w, &r, out);
    if (n > 2 * NUMVAR_SMALL)
        TRY_ALLOC(w->ctx, sum, arena_alloc(w->arena, (size_t)n * sizeof(uint64_t)));
    memset(sum, 0, (size_t)n * sizeof(uint64_t));
    /* Column sums first, carries after: 64 bits hold 10^11 products, more than any number has
     * digits. */
    for (int i = 0; i < a->ndigits; i++) {
        const uint32_t x = (uint32_t)a->digits[i];
        uint64_t *column = sum + i + 1;
        for (int j = 0; j < b->ndigits; j++) column[j] += (uint64_t)x * (uint32_t)b->digits[j];
    }
    TRY(numvar_reserve(w, &r, n));
    uint64_t carry = 0;
    for (int i = n - 1; i >= 0; i--) {
        carry += sum[i];
        r.digits[i] = (int16_t)(carry % NUMERIC_BASE);
        carry /= NUMERIC_BASE;
    }
    r.ndigits = n;
    r.weight = a->weight + b->weight + 1;
    r.negative = a->negative != b->negative;
    TRY(numvar_round(w, &r, rscale));
    r.dscale = rscale;
    return numvar_copy(w, &r, out);
}

int
numvar_div_scale(const NumVar *a, const NumVar *b)
{
    int weight = (a->ndigits != 0 ? a->weight : 0) - (b->ndigits != 0 ? b->weight : 0);
    int first_a = a->ndigits != 0 ? a->digits[0] : 0, first_b = b->ndigits != 0 ? b->digits[0] : 0;
    if (first_a <= first_b) weight--; /* estimate of the quotient's weight */
    int rscale = NUMVAR_MIN_SIG_DIGITS - weight * 4;
    if (rscale < a->dscale) rscale = a->dscale;
    if (rscale < b->dscale) rscale = b->dscale;
    if (rscale < 0) rscale = 0;
    return rscale < NUMVAR_MAX_DISPLAY_SCALE ? rscale : NUMVAR_MAX_DISPLAY_SCALE;
}

/* Knuth's algorithm D on u (n + m + 1 digits, the first 0) by v (n > 1 digits, the first at least
 * BASE / 2); the quotient's m + 1 digits go to q. */
static void
divide_long(uint32_t *u, const uint32_t *v, int n, int nq, int16_t *q)
{
    for (int j = 0; j < nq; j++) {
        uint64_t top = (uint64_t)u[j] * NUMERIC_BASE + u[j + 1];
        uint64_t guess = top / v[0], rest = top % v[0];
        while (guess >= NUMERIC_BASE || guess * v[1] > rest * NUMERIC_BASE + u[j + 2]) {
            guess--;
            rest += v[0];
            if (rest >= NUMERIC_BASE) break;
        }
        int64_t borrow = 0;
        for (int i = n - 1; i >= 0; i--) {
            int64_t d = (int64_t)u[i + j + 1] - (int64_t)(guess * v[i]) + borrow;
            borrow = 0;
            if (d < 0) {
                borrow = -((-d + NUMERIC_BASE - 1) / NUMERIC_BASE);
                d -= borrow * NUMERIC_BASE;
            }
            u[i + j + 1] = (uint32_t)d;
        }
        int64_t head = (int64_t)u[j] + borrow;
        if (head < 0) { /* the guess was one too large: add back */
            guess--;
            uint32_t carry = 0;
            for (int i = n - 1; i >= 0; i--) {
                uint32_t s = u[i + j + 1] + v[i] + carry;
                carry = s >= NUMERIC_BASE;
                u[i + j + 1] = carry ? s - NUMERIC_BASE : s;
            }
            head += carry;
        }
        assert(head == 0);
        u[j] = (uint32_t)head;
        q[j] = (int16_t)guess;
    }
}

Status
numvar_div(NumWork *w, const NumVar *a, const NumVar *b, int rscale, bool round, NumVar *out)
{
    NumVar r;
    numvar_init(&r);
    assert(b->ndigits > 0 && b->digits[0] != 0);
    r.dscale = rscale;
    int weight = a->weight - b->weight, n = b->ndigits;
    int nq = weight + 1 + (rscale >= 0 ? (rscale + 3) / 4 : -(-rscale / 4)) +
             1; /* one more to round by */
    if (a->ndigits == 0) return numvar_copy(w, &r, out);
    if (nq < 1) nq = 1;
    TRY(numvar_reserve(w, &r, nq));
    if (n == 1) {
        uint32_t by = (uint32_t)b->digits[0], rest = 0;
        for (int i = 0; i < nq; i++) {
            rest = rest * NUMERIC_BASE + (i < a->ndigits ? (uint32_t)a->digits[i] : 0);
            r.digits[i] = (int16_t)(rest / by);
            rest %= by;
        }
    } else {
        uint32_t room[4 * NUMVAR_SMALL], *u = room;
        int nu = nq + n + 1;
        if (nu + n > 4 * NUMVAR_SMALL)
            TRY_ALLOC(w->ctx, u, arena_alloc(w->arena, (size_t)(nu + n) * sizeof(uint32_t)));
        uint32_t *v = u + nu, carry = 0, norm = NUMERIC_BASE / ((uint32_t)b->digits[0] + 1);
        for (int i = n - 1; i >= 0; i--) {
            carry += (uint32_t)b->digits[i] * norm;
            v[i] = carry % NUMERIC_BASE;
            carry /= NUMERIC_BASE;
        }
        assert(carry == 0);
        u[nu - 1] = 0;
        for (int i = nu - 2; i >= 1; i--) {
            carry += (i - 1 < a->ndigits ? (uint32_t)a->digits[i - 1] : 0) * norm;
            u[i] = carry % NUMERIC_BASE;
            carry /= NUMERIC_BASE;
        }
        u[0] = carry;
        divide_long(u, v, n, nq, r.digits);
    }
    r.ndigits = nq;
    r.weight = weight;
    r.negative = a->negative != b->negative;
    if (round)
        TRY(numvar_round(w, &r, rscale));
    else
        numvar_trunc(&r, rscale);
    r.dscale = rscale > 0 ? rscale : 0;
    return numvar_copy(w, &r, out);
}

Status
numvar_mod(NumWork *w, const NumVar *a, const NumVar *b, NumVar *out)
{
    NumVar q;
    int dscale = a->dscale > b->dscale ? a->dscale : b->dscale;
    numvar_init(&q);
    TRY(numvar_div(w, a, b, 0, false, &q));
    TRY(numvar_mul(w, &q, b, b->dscale, &q));
    TRY(numvar_sub(w, a, &q, out));
    out->dscale = dscale;
    return QN_OK;
}

/* Newton's iteration from the floating-point root, then corrected so that the last place is exact:
 * t is the root cut off one place behind rscale, t*t <= a < (t + unit)^2. */
Status
numvar_sqrt(NumWork *w, const NumVar *a, int rscale, NumVar *out)
{
    NumVar y, t, next, half, unit;
    NumVar *vars[] = {&y, &t, &next, &half, &unit};
    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) numvar_init(vars[i]);
    if (a->ndigits == 0) {
        y.dscale = rscale > 0 ? rscale : 0;
        return numvar_copy(w, &y, out);
    }
    /* The root of the leading 16 or so digits, taken at an even power of 10000. */
    double f = 0;
    int ndigits = 4 + ((a->weight & 1) != 0 ? 0 : 1);
    for (int i = 0; i < ndigits; i++) f = f * NUMERIC_BASE + (i < a->ndigits ? a->digits[i] : 0);
    int exponent = (a->weight - (ndigits - 1)) / 2; /* of 10000, exact: the difference is even */
    f = sqrt(f) * 1e4;
    TRY(numvar_from_i128(w, (int128)f, 0, &y));
    y.weight += exponent - 1;
    TRY(numvar_from_i128(w, 5, 1, &half));
    /* Significant digits double with each step, from 10: where the first digit is small, so many are in y. */
    int scale = rscale + 8, root_weight = a->weight >= 0 ? a->weight / 2 : (a->weight - 1) / 2;
    if (scale + root_weight * 4 < 20) scale = 20 - root_weight * 4;
    for (int have = 9; have < scale + (root_weight + 1) * 4 + 4; have *= 2) {
        TRY(numvar_div(w, a, &y, scale, true, &next));
        TRY(numvar_add(w, &y, &next, &next));
        TRY(numvar_mul(w, &next, &half, scale, &y));
    }
    TRY(numvar_copy(w, &y, &t));
    numvar_trunc(&t, rscale + 1);
    TRY(numvar_from_i128(w, 1, 0, &unit));
    if (rscale + 1 > 0) {
        unit.weight = -((rscale + 1 + 3) / 4);
        unit.digits[0] = (int16_t)pow10_small[(4 - (rscale + 1) % 4) % 4];
    } else {
        unit.weight = -(rscale + 1) / 4;
        unit.digits[0] = (int16_t)pow10_small[-(rscale + 1) % 4];
    }
    unit.dscale = rscale + 1 > 0 ? rscale + 1 : 0;
    for (;;) {
        TRY(numvar_mul(w, &t, &t, 2 * (rscale + 1) > 0 ? 2 * (rscale + 1) : 0, &next));
        if (numvar_cmp(&next, a) <= 0) break;
        TRY(numvar_sub(w, &t, &unit, &t));
    }
    for (;;) {
        TRY(numvar_add(w, &t, &unit, &half));
        TRY(numvar_mul(w, &half, &half, 2 * (rscale + 1) > 0 ? 2 * (rscale + 1) : 0, &next));
        if (numvar_cmp(&next, a) > 0) break;
        TRY(numvar_copy(w, &half, &t));
    }
    TRY(numvar_round(w, &t, rscale));
    t.dscale = rscale > 0 ? rscale : 0;
    return numvar_copy(w, &t, out);
}
