/* sel.c - outcomes of a comparison to positions, see SEL_KERNEL in kernel.h. */
#include "types/kernel.h"

typedef uint16_t Positions __attribute__((vector_size(16)));

static const uint16_t bit_positions[256][8] __attribute__((aligned(16))) = {
#define BITS(...) {__VA_ARGS__},
#include "types/bit_positions.def"
#undef BITS
};

/* Eight outcomes are a byte of bits, which looks up its positions; they are stored all eight, and
 * the end moves by how many count. Stores stay within n because the end never passes the rows read.
 */
KERNEL_CLONES int
sel_compress(const uint8_t *pass, const uint64_t *valid_a, const uint64_t *valid_b, int n,
             uint16_t *out)
{
    int m = 0, i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t outcomes;
        memcpy(&outcomes, pass + i, 8);
        /* Byte j, 0 or 1, to bit j of the product's top byte. */
        unsigned bits = (unsigned)(outcomes * 0x0102040810204080u >> 56);
        if (valid_a != NULL) bits &= (unsigned)(valid_a[i >> 6] >> (i & 63));
        if (valid_b != NULL) bits &= (unsigned)(valid_b[i >> 6] >> (i & 63));
        Positions p;
        memcpy(&p, bit_positions[bits], sizeof(p));
        p += (uint16_t)i;
        memcpy(out + m, &p, sizeof(p));
        m += __builtin_popcount(bits);
    }
    for (; i < n; i++) {
        bool ok = pass[i] != 0;
        if (valid_a != NULL) ok &= bits_get(valid_a, (size_t)i);
        if (valid_b != NULL) ok &= bits_get(valid_b, (size_t)i);
        out[m] = (uint16_t)i;
        m += ok;
    }
    return m;
}
