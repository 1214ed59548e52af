/* tskorean.c - Korean words for full text search, without a dictionary of the language.
 *
 * A word is written together with its particles (검색 + 을), and compounds without a space between (데이터베이스). So the longest particle
 * at the end is taken off where two syllables or more stay, and what is left of three syllables or more becomes its overlapping pairs
 * of syllables: a query for a part of a compound finds it. Pairs of one word stand at one place.
 */
#include "types/ts.h"

enum { HANGUL_FIRST = 0xAC00, HANGUL_LAST = 0xD7A3, SYLLABLE_BYTES = 3 };

/* Longer ones first. */
static const char *const particles[] = {
    "으로부터", "에서부터", "이라고", "에게서", "으로서", "으로써", "이라도", "까지", "부터", "에서", "에게", "으로", "처럼", "보다", "마다", "조차", "밖에", "이나",
    "이며", "라고", "로서", "로써", "하고", "한테", "은", "는", "이", "가", "을", "를", "과", "와", "의", "에", "로", "도", "만", "께", "랑", "야"};

static bool
is_hangul(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i += SYLLABLE_BYTES) {
        uint32_t cp;
        if (n - i < SYLLABLE_BYTES || utf8_decode(p + i, p + n, &cp) != SYLLABLE_BYTES || cp < HANGUL_FIRST || cp > HANGUL_LAST) return false;
    }
    return n > 0;
}

/* Bytes of the word that stay when its particle is gone. */
static size_t
stem_bytes(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof(particles) / sizeof(particles[0]); i++) {
        size_t m = strlen(particles[i]);
        if (n >= m + 2 * SYLLABLE_BYTES && memcmp(p + n - m, particles[i], m) == 0) return n - m;
    }
    return n;
}

Status
ts_korean_lexemes(Ctx *ctx, Arena *arena, const Str *word, TsLexemes *out)
{
    char *p;
    size_t n = stem_bytes(str_data(word), word->len);
    Str *items;
    TRY_ALLOC(ctx, p, arena_strndup(arena, str_data(word), n)); /* lexemes are views on it */
    int nsyllables = is_hangul(p, n) ? (int)(n / SYLLABLE_BYTES) : 0, count = nsyllables > 2 ? nsyllables - 1 : 1;
    TRY_ALLOC(ctx, items, ARENA_ARRAY(arena, Str, count));
    if (count == 1) items[0] = str_make(p, n);
    for (int i = 0; count > 1 && i < count; i++) items[i] = str_make(p + i * SYLLABLE_BYTES, 2 * SYLLABLE_BYTES);
    *out = (TsLexemes){items, n > 0 ? count : 0};
    return QN_OK;
}
