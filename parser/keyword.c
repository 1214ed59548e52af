/* keyword.c - the keyword table and its lookup: by first letter, then binary search among its words. */
#include "parser/keyword.h"
#include "grammar.h"
#include <string.h>

#define BARE true
#define AS_ONLY false
#define KEYWORD(text, token, class, label)                                                         \
    {text, TK_##token, KEYWORD_##class, sizeof(text) - 1, label},
static const Keyword keywords[] = {
#include "parser/keywords.def"
};
#undef KEYWORD
#undef BARE
#undef AS_ONLY

enum { NKEYWORDS = sizeof(keywords) / sizeof(keywords[0]), LONGEST = 17 };

/* FIRST_x is the index of the first word with that letter: the second constant of LETTER steps back by
 * one, so that the KEYWORD after it has the number of FIRST_x. */
enum {
#define LETTER(c) FIRST_##c, BEFORE_##c = FIRST_##c - 1,
#define KEYWORD(text, token, class, label) INDEX_##token,
#include "parser/keywords.def"
#undef KEYWORD
};

static const short first[27] = {
    FIRST_a, FIRST_b, FIRST_c, FIRST_d, FIRST_e, FIRST_f, FIRST_g, FIRST_h, FIRST_i,
    FIRST_j, FIRST_k, FIRST_l, FIRST_m, FIRST_n, FIRST_o, FIRST_p, FIRST_q, FIRST_r,
    FIRST_s, FIRST_t, FIRST_u, FIRST_v, FIRST_w, FIRST_x, FIRST_y, FIRST_z, NKEYWORDS};

const Keyword *
keyword_find(const char *text, size_t nbytes)
{
    if (nbytes < 2 || nbytes > LONGEST || text[0] < 'a' || text[0] > 'z') return NULL;
    int lo = first[text[0] - 'a'], hi = first[text[0] - 'a' + 1];
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        const Keyword *k = &keywords[mid];
        size_t n = k->nbytes < nbytes ? k->nbytes : nbytes;
        int c = memcmp(text, k->text, n);
        if (c == 0) c = (int)nbytes - (int)k->nbytes;
        if (c == 0) return k;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const Keyword *
keyword_at(int i)
{
    return i >= 0 && i < NKEYWORDS ? &keywords[i] : NULL;
}
