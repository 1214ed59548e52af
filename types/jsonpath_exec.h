/* jsonpath_exec.h - running a path, for the functions over it. */
#ifndef TYPES_JSONPATH_EXEC_H
#define TYPES_JSONPATH_EXEC_H

#include "types/jsonpath.h"
#include "types/regex.h"

/* Results. Views on the target, the path, the variables and the run's arena. */
typedef struct PathList {
    JsonbItem *items;
    int count, cap;
} PathList;

/* Patterns of like_regex, kept from run to run of one path. */
typedef struct PathPattern {
    uint32_t at; /* of the node */
    Regex *regex;
} PathPattern;
typedef struct PathCache {
    PathPattern *items;
    int count, cap;
    Arena *arena;
} PathCache;

typedef struct PathRun {
    Ctx *ctx;
    Arena *arena;
    PathCache *cache;
    const Str *target, *path, *vars; /* vars NULL: none */
    bool silent;                     /* errors of the path are not raised */
    bool use_zone;                   /* the session's time zone may take part */
} PathRun;

/* found NULL: only whether there is a result. Of a silent run that fails *error_out is set, and found holds what
 * there was before. */
Status jsonpath_run(const PathRun *run, PathList *found, bool *exists_out, bool *error_out);
/* Adds a result. */
Status jsonpath_push(JsonbBuilder *b, JsonbItem it);

/* Dates and times (jsonpath_time.c): items of a kind of their own, whose bytes are a TemplateTime. */
enum { JSONB_DATETIME = JSONB_OBJECT + 1 };
/* By the template, or (NULL) by the first of ISO's formats that fits; 22007, 22008, 22031. */
Status jsonpath_read_time(Ctx *ctx, Arena *arena, JsonbItem it, const char *template, size_t nbytes, JsonbItem *out);
const char *jsonpath_time_type(JsonbItem it);
/* *ok false: the two cannot be compared. 0A000 where the session's zone would be needed and may not be used. */
Status jsonpath_compare_times(Ctx *ctx, bool use_zone, JsonbItem a, JsonbItem b, int *c, bool *ok);

#endif
