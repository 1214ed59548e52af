/* regex.h - PostgreSQL's advanced regular expressions (its chapter 9.7.3), by simulation of automata.
 *
 * The match is the leftmost one; of those the longest, or the shortest where the expression prefers that;
 * parenthesised parts are then found within it by the same rule, earlier parts first. Time is bounded by
 * text times expression for finding a match without back references and by a polynomial for the rest; the
 * statement's stop flag is looked at on the way.
 *
 * A compiled Regex carries the scratch of its runs: one thread at a time.
 */
#ifndef TYPES_REGEX_H
#define TYPES_REGEX_H

#include "types/type.h"

typedef struct Regex Regex;

enum {
    REGEX_ICASE = 1,    /* case does not matter */
    REGEX_EXPANDED = 2, /* white space and comments are ignored */
    REGEX_NLSTOP = 4,   /* . and [^...] do not match a line feed */
    REGEX_NLANCH = 8,   /* ^ and $ match at line feeds */
    REGEX_QUOTE = 16,   /* the pattern is literal text */
    REGEX_ERE = 32      /* without the advanced escapes */
};

typedef struct RegexSpan {
    ptrdiff_t from, to; /* bytes; -1: the group took no part */
} RegexSpan;

/* pattern must outlive the Regex. 2201B. */
Status regex_compile(Ctx *ctx, Arena *arena, const char *pattern, size_t nbytes, int flags, Regex **out);
int regex_groups(const Regex *re); /* number of capturing parentheses */
/* First match at or after byte `from`. spans[0] is the whole, spans[i] group i; nspans entries are filled. */
Status regex_match(Ctx *ctx, Regex *re, const char *text, size_t nbytes, size_t from, RegexSpan *spans,
                   int nspans, bool *found);

#endif
