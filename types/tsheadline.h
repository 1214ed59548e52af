/* tsheadline.h - headlines: what tsheadline.c makes and tsheadlinefn.c calls. */
#ifndef TYPES_TSHEADLINE_H
#define TYPES_TSHEADLINE_H

#include "types/ts.h"

typedef struct HeadlineOptions {
    int min_words, max_words, short_word, max_fragments;
    bool all; /* the whole text */
    const char *start, *stop, *delimiter;
} HeadlineOptions;

/* "MaxWords=20, StartSel=<i>" over the defaults. 22023 */
Status headline_options(Ctx *ctx, Arena *arena, const char *text, size_t nbytes, HeadlineOptions *o);
Status headline_add(Ctx *ctx, Arena *arena, StrBuf *b, const TsConfig *config, TsLexer *lexer, const char *text, size_t nbytes,
                    const TsQuery *q, const HeadlineOptions *o);

#endif
