/* jsonb_layout.c - where a container would lie in PostgreSQL's own layout of a document: .keyvalue() numbers objects by that, and
 * its numbers are to agree. There a container takes a word and one more for each part, keys come before values, and
 * numbers and containers begin on words. */
#include "types/jsonb.h"

static int64_t
laid_out_end(JsonbItem it, int64_t at)
{
    if (it.kind == JSONB_STRING) return at + it.nbytes;
    if (it.kind == JSONB_NUMBER) {
        uint16_t head;
        int16_t weight;
        memcpy(&head, it.p, 2);
        memcpy(&weight, it.p + 2, 2);
        bool is_short = (head & 0x3FFF) <= 63 && weight <= 63 && weight >= -64;
        return ((at + 3) & ~(int64_t)3) + (is_short ? 6 : 8) + it.nbytes - 4;
    }
    if (!jsonb_is_container(it)) return at;
    uint32_t n = jsonb_count(it);
    bool object = it.kind == JSONB_OBJECT;
    at = ((at + 3) & ~(int64_t)3) + 4 + (int64_t)n * (object ? 8 : 4);
    for (uint32_t i = 0; object && i < n; i++) {
        uint32_t nbytes;
        (void)jsonb_key(it, i, &nbytes);
        at += nbytes;
    }
    for (uint32_t i = 0; i < n; i++) at = laid_out_end(object ? jsonb_member(it, i) : jsonb_element(it, i), at);
    return at;
}

int64_t
jsonb_postgres_offset(JsonbItem base, const char *p)
{
    int64_t at = 0;
    while (base.p != p) {
        uint32_t n = jsonb_count(base), i = 0;
        bool object = base.kind == JSONB_OBJECT, inside = false;
        at += 4 + (int64_t)n * (object ? 8 : 4);
        for (uint32_t k = 0; object && k < n; k++) {
            uint32_t nbytes;
            (void)jsonb_key(base, k, &nbytes);
            at += nbytes;
        }
        for (; i < n && !inside; i++) {
            JsonbItem v = object ? jsonb_member(base, i) : jsonb_element(base, i);
            inside = jsonb_is_container(v) && p >= v.p && p < v.p + v.nbytes;
            if (inside) {
                base = v;
                at = (at + 3) & ~(int64_t)3;
            } else {
                at = laid_out_end(v, at);
            }
        }
        if (!inside) return 0;
    }
    return at;
}

