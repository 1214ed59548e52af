/* posting.c - see posting.h. */
#include "storage/posting.h"

static inline uint8_t *
put_varint(uint8_t *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

/* NULL when it does not end before end, or is wider than any ordinal. */
static inline const uint8_t *
get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v_out)
{
    uint64_t v = 0;
    for (int shift = 0; p < end && shift < 7 * POSTING_VARINT_MAX; shift += 7) {
        v |= (uint64_t)(*p & 0x7F) << shift;
        if (*p++ < 0x80) {
            *v_out = v;
            return p;
        }
    }
    return NULL;
}

int
posting_encode(const uint64_t *ords, int n, uint8_t *out, uint32_t max, uint32_t *nbytes_out)
{
    uint8_t *p = out;
    uint64_t last = 0;
    int i = 0;
    for (; i < n; i++) {
        uint8_t bytes[POSTING_VARINT_MAX + 3];
        size_t w = (size_t)(put_varint(bytes, ords[i] - last) - bytes);
        if ((size_t)(p - out) + w > max) break;
        memcpy(p, bytes, w);
        p += w;
        last = ords[i];
    }
    *nbytes_out = (uint32_t)(p - out);
    return i;
}

int
posting_decode(const uint8_t *p, uint32_t nbytes, uint64_t *ords, int max)
{
    const uint8_t *end = p + nbytes;
    uint64_t at = 0, step;
    int n = 0;
    while (p < end) {
        if (*p < 0x80) step = *p++;
        else if ((p = get_varint(p, end, &step)) == NULL) return -1;
        if (n == max || (n > 0 && step == 0)) return -1;
        ords[n++] = at += step;
    }
    return n == 0 ? -1 : n;
}

bool
posting_first(const uint8_t *p, uint32_t nbytes, uint64_t *ord_out)
{
    return get_varint(p, p + nbytes, ord_out) != NULL;
}
