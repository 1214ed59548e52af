/* slt_check.c - results as the text that stands in files, and whether it is the expected one. */
#include "sqllogictest/slt.h"
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- MD5, RFC 1321 ---- */

static const uint8_t md5_shift[64] = {7, 12, 17, 22, 7, 12, 17, 22, 7, 12, 17, 22, 7, 12, 17, 22, 5, 9, 14, 20, 5, 9,
                                      14, 20, 5, 9, 14, 20, 5, 9, 14, 20, 4, 11, 16, 23, 4, 11, 16, 23, 4, 11, 16, 23,
                                      4, 11, 16, 23, 6, 10, 15, 21, 6, 10, 15, 21, 6, 10, 15, 21, 6, 10, 15, 21};

static void
md5_block(uint32_t h[4], const uint32_t k[64], const uint8_t *p)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], w[16];
    memcpy(w, p, 64); /* little-endian hosts only, as the rest of the project */
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int g;
        if (i < 16) f = (b & c) | (~b & d), g = i;
        else if (i < 32) f = (d & b) | (~d & c), g = (5 * i + 1) % 16;
        else if (i < 48) f = b ^ c ^ d, g = (3 * i + 5) % 16;
        else f = c ^ (b | ~d), g = (7 * i) % 16;
        f += a + k[i] + w[g];
        a = d, d = c, c = b;
        b += f << md5_shift[i] | f >> (32 - md5_shift[i]);
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d;
}

void
slt_md5(const void *data, size_t nbytes, char hex[33])
{
    static uint32_t k[64];
    if (k[0] == 0) {
        for (int i = 0; i < 64; i++) k[i] = (uint32_t)(fabs(sin(i + 1)) * 4294967296.0);
    }
    uint32_t h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    const uint8_t *p = data;
    size_t left = nbytes;
    for (; left >= 64; p += 64, left -= 64) md5_block(h, k, p);
    uint8_t tail[128] = {0};
    memcpy(tail, p, left);
    tail[left] = 0x80;
    size_t total = left < 56 ? 64 : 128;
    uint64_t nbits = (uint64_t)nbytes * 8;
    memcpy(tail + total - 8, &nbits, 8);
    for (size_t i = 0; i < total; i += 64) md5_block(h, k, tail + i);
    for (int i = 0; i < 16; i++) snprintf(hex + 2 * i, 3, "%02x", (h[i / 4] >> (8 * (i % 4))) & 0xFF);
}

/* ---- values as text ---- */

static char *
format_cell(const char *v, char type)
{
    char buf[64];
    if (v == NULL) return strdup("NULL");
    if (type == 'I') {
        /* As SQLite's runner: a fraction is cut, text that is no number counts as the number it starts with. */
        char *end;
        if (v[0] == '\0') return strdup("(empty)");
        if (v[0] == 't' && v[1] == '\0') return strdup("1");
        errno = 0;
        long long i = strtoll(v, &end, 10);
        if (*end == '.' || *end == 'e' || *end == 'E') i = (long long)strtod(v, NULL);
        else if (errno == ERANGE) return strdup(v);
        snprintf(buf, sizeof(buf), "%lld", i);
        return strdup(buf);
    }
    if (type == 'R') {
        char *end;
        double d = strtod(v, &end);
        if (end != v && *end == '\0') {
            snprintf(buf, sizeof(buf), "%.3f", d);
            return strdup(buf);
        }
    }
    if (v[0] == '\0') return strdup("(empty)");
    char *out = strdup(v);
    for (unsigned char *p = (unsigned char *)out; out != NULL && *p != '\0'; p++)
        if (*p < 32 || *p > 126) *p = '@';
    return out;
}

typedef struct Rows {
    char **cells;
    size_t ncols;
} Rows;

static int
compare_cells(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
compare_rows(const void *a, const void *b, void *arg)
{
    size_t ncols = *(size_t *)arg;
    char *const *x = a, *const *y = b;
    for (size_t i = 0; i < ncols; i++) {
        int c = strcmp(x[i], y[i]);
        if (c != 0) return c;
    }
    return 0;
}

static char *
message(const char *fmt, const char *a, const char *b)
{
    char *out = NULL;
    if (asprintf(&out, fmt, a, b) < 0) return strdup("out of memory");
    return out;
}

static bool
is_sqlstate(const char *s)
{
    for (int i = 0; i < 5; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'A' && s[i] <= 'Z'))) return false;
    return s[5] == '\0' || s[5] == ':';
}

static char *
check_error(const SltRecord *r, const SltResult *got)
{
    char *text = message("%s: %s", got->sqlstate, got->message != NULL ? got->message : "");
    if (!r->expect_error) {
        char *why = message("error %s%s", text, "");
        free(text);
        return why;
    }
    bool ok = true;
    bool literal = false;
    if (r->error != NULL && is_sqlstate(r->error)) {
        literal = strncmp(r->error, got->sqlstate, 5) == 0;
        if (literal && r->error[5] == ':') {
            const char *want = r->error + 6;
            while (*want == ' ') want++;
            literal = got->message != NULL && strstr(got->message, want) != NULL;
        }
        ok = literal;
    }
    /* With more than the SQLSTATE it may be a regular expression over `SQLSTATE: message`. */
    if (!literal && r->error != NULL && !(is_sqlstate(r->error) && r->error[5] == '\0')) {
        regex_t re;
        if (regcomp(&re, r->error, REG_EXTENDED | REG_NOSUB) != 0) {
            free(text);
            return message("bad pattern \"%s\"%s", r->error, "");
        }
        ok = regexec(&re, text, 0, NULL, 0) == 0;
        regfree(&re);
    }
    char *why = ok ? NULL : message("error %s, want %s", text, r->error);
    free(text);
    return why;
}

static char *
join(char **cells, size_t n)
{
    size_t total = 1;
    for (size_t i = 0; i < n; i++) total += strlen(cells[i]) + 1;
    char *out = malloc(total), *w = out;
    for (size_t i = 0; out != NULL && i < n; i++) {
        size_t len = strlen(cells[i]);
        memcpy(w, cells[i], len);
        w += len;
        *w++ = '\n';
    }
    if (out != NULL) *w = '\0';
    return out;
}

static char *
check_rows(const SltRecord *r, const SltResult *got, long threshold, char **got_text)
{
    size_t ncols = r->kind == SLT_COPYOUT ? 1 : (size_t)got->ncols, n = got->nrows * ncols;
    char **cells = calloc(n + 1, sizeof(char *)), *why = NULL;
    if (cells == NULL) return strdup("out of memory");
    for (size_t i = 0; i < n; i++) cells[i] = format_cell(got->cells[i], r->kind == SLT_COPYOUT ? 'T' : r->types[i % ncols]);
    if (r->sort == SLT_ROWSORT && ncols > 0) qsort_r(cells, got->nrows, sizeof(char *) * ncols, compare_rows, &ncols);
    if (r->sort == SLT_VALUESORT) qsort(cells, n, sizeof(char *), compare_cells);
    char *text = join(cells, n);
    bool hashed = r->nlines == 1 && strstr(r->lines[0], " values hashing to ") != NULL;
    if (text == NULL) {
        why = strdup("out of memory");
    } else if (hashed || (threshold > 0 && n > (size_t)threshold && (size_t)r->nlines != n)) {
        char hex[33], line[80];
        slt_md5(text, strlen(text), hex);
        snprintf(line, sizeof(line), "%zu values hashing to %s", n, hex);
        if (r->nlines > 0 && strcmp(line, r->lines[0]) != 0) why = message("%s, want %s", line, r->lines[0]);
    } else {
        size_t i = 0;
        while (i < n && i < (size_t)r->nlines && strcmp(cells[i], r->lines[i]) == 0) i++;
        if (i < n || i < (size_t)r->nlines) {
            if (asprintf(&why, "values: %zu, want %d; first difference at %zu: \"%s\", want \"%s\"", n, r->nlines, i + 1,
                         i < n ? cells[i] : "(end)", i < (size_t)r->nlines ? r->lines[i] : "(end)") < 0)
                why = strdup("values differ");
        }
    }
    for (size_t i = 0; i < n; i++) free(cells[i]);
    free(cells);
    if (got_text != NULL) *got_text = text;
    else free(text);
    return why;
}

char *
slt_check(const SltRecord *r, const SltResult *got, long threshold, char **got_text)
{
    if (got_text != NULL) *got_text = NULL;
    if (got->failed) return check_error(r, got);
    if (r->expect_error) return message("no error, want %s%s", r->error != NULL ? r->error : "one", "");
    if (r->kind == SLT_STATEMENT || r->kind == SLT_COPYIN) return NULL;
    if (r->kind == SLT_QUERY) {
        char a[24], b[24];
        if (got->ncols == 0) return strdup("no rows returned");
        snprintf(a, sizeof(a), "%d", got->ncols);
        snprintf(b, sizeof(b), "%zu", strlen(r->types));
        if (strcmp(a, b) != 0) return message("%s columns, want %s", a, b);
    } else if (!got->is_copy) {
        return strdup("no copy data returned");
    }
    return check_rows(r, got, threshold, got_text);
}

/* ---- results ---- */

void
slt_result_reset(SltResult *r)
{
    size_t n = r->nrows * (size_t)(r->is_copy ? 1 : r->ncols);
    for (size_t i = 0; i < n; i++) free(r->cells[i]);
    free(r->cells);
    free(r->message);
    *r = (SltResult){0};
}

bool
slt_result_add(SltResult *r, const char *const *cells)
{
    size_t ncols = (size_t)(r->is_copy ? 1 : r->ncols), base = r->nrows * ncols;
    if (base + ncols > r->cells_cap) {
        size_t cap = r->cells_cap != 0 ? r->cells_cap * 2 : 64;
        while (cap < base + ncols) cap *= 2;
        char **more = realloc(r->cells, cap * sizeof(char *));
        if (more == NULL) return false;
        r->cells = more;
        r->cells_cap = cap;
    }
    for (size_t i = 0; i < ncols; i++) r->cells[base + i] = cells[i] != NULL ? strdup(cells[i]) : NULL;
    r->nrows++;
    return true;
}

void
slt_result_error(SltResult *r, const char *sqlstate, const char *text)
{
    slt_result_reset(r);
    r->failed = true;
    snprintf(r->sqlstate, sizeof(r->sqlstate), "%s", sqlstate != NULL ? sqlstate : "XX000");
    r->message = strdup(text != NULL ? text : "");
}
