/* like.h - LIKE patterns, compiled once per call site. */
#ifndef TYPES_LIKE_H
#define TYPES_LIKE_H

#include "types/type.h"

typedef struct LikePattern LikePattern;

typedef enum LikeMode { LIKE_TEXT, LIKE_FOLD, LIKE_BYTES } LikeMode; /* FOLD: ILIKE */

/* Backslash escapes. */
Status like_compile(Ctx *ctx, Arena *arena, const Str *pattern, LikeMode mode, LikePattern **out);
bool like_matches(const LikePattern *p, const char *s, size_t nbytes);

#endif
