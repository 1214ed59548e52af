/* jsonpathfn.c - kernels over SQL/JSON paths: @?, @@, jsonb_path_exists and its kin. */
#include "types/jsonpath_exec.h"
#include "types/kernel.h"

/* A run for row i. Patterns are kept while the path is one for all rows. */
static PathRun
run_of(KernelCall *call, int i, PathCache *cache, bool silent, bool use_zone)
{
    if (!arg_is_const(call, 1)) cache->count = 0;
    cache->arena = call->arena;
    return (PathRun){.ctx = call->ctx,
                     .arena = call->arena,
                     .cache = cache,
                     .target = &ARG(call, 0, Str, i),
                     .path = &ARG(call, 1, Str, i),
                     .vars = call->nargs > 2 ? &ARG(call, 2, Str, i) : NULL,
                     .silent = silent || (call->nargs > 3 && ARG(call, 3, uint8_t, i) != 0),
                     .use_zone = use_zone};
}

static Status
exists_kernel(KernelCall *call, bool silent, bool use_zone)
{
    PathCache cache = {0};
    ROWS (call, i) {
        PathRun run = run_of(call, i, &cache, silent, use_zone);
        bool exists, error;
        TRY(jsonpath_run(&run, NULL, &exists, &error));
        if (error)
            out_set_null(call, i);
        else
            OUT(call, uint8_t, i) = exists;
    }
    return QN_OK;
}

Status fn_jsonb_path_exists(KernelCall *call) { return exists_kernel(call, false, false); }
Status fn_jsonb_path_exists_tz(KernelCall *call) { return exists_kernel(call, false, true); }
Status fn_jsonb_path_exists_opr(KernelCall *call) { return exists_kernel(call, true, false); }

static Status
match_kernel(KernelCall *call, bool silent, bool use_zone)
{
    PathCache cache = {0};
    ROWS (call, i) {
        PathRun run = run_of(call, i, &cache, silent, use_zone);
        PathList found = {0};
        bool exists, error;
        TRY(jsonpath_run(&run, &found, &exists, &error));
        JsonbItem it = found.count == 1 ? found.items[0] : (JsonbItem){.kind = JSONB_OBJECT};
        if (jsonb_is_bool(it)) {
            OUT(call, uint8_t, i) = it.kind == JSONB_TRUE;
            continue;
        }
        if (it.kind != JSONB_NULL && !run.silent)
            return RAISE(call->ctx, ERR_SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected");
        out_set_null(call, i);
    }
    return QN_OK;
}

Status fn_jsonb_path_match(KernelCall *call) { return match_kernel(call, false, false); }
Status fn_jsonb_path_match_tz(KernelCall *call) { return match_kernel(call, false, true); }
Status fn_jsonb_path_match_opr(KernelCall *call) { return match_kernel(call, true, false); }

static Status
query_kernel(KernelCall *call, bool first, bool use_zone)
{
    PathCache cache = {0};
    ROWS (call, i) {
        PathRun run = run_of(call, i, &cache, false, use_zone);
        PathList found = {0};
        bool exists, error;
        TRY(jsonpath_run(&run, &found, &exists, &error));
        if (first && found.count == 0) {
            out_set_null(call, i);
            continue;
        }
        JsonbBuilder b = jsonb_builder(call->ctx, call->arena);
        if (!first) TRY(jsonb_begin(&b, JSONB_ARRAY));
        for (int k = 0; k < (first ? 1 : found.count); k++) TRY(jsonpath_push(&b, found.items[k]));
        if (!first) TRY(jsonb_end(&b));
        TRY(jsonb_finish(&b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status fn_jsonb_path_query_array(KernelCall *call) { return query_kernel(call, false, false); }
Status fn_jsonb_path_query_array_tz(KernelCall *call) { return query_kernel(call, false, true); }
Status fn_jsonb_path_query_first(KernelCall *call) { return query_kernel(call, true, false); }
Status fn_jsonb_path_query_first_tz(KernelCall *call) { return query_kernel(call, true, true); }

/* jsonb_path_query */

typedef struct Query {
    Str target, path, vars;
    PathCache cache;
    PathList found;
    int at;
} Query;

static Status
query_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, bool use_zone, void **state_out)
{
    Query *q;
    bool exists, error;
    TRY_ALLOC(ctx, q, ARENA_NEW(arena, Query));
    *state_out = q;
    q->target = args[0].str;
    q->path = args[1].str;
    if (nargs > 2) q->vars = args[2].str;
    q->cache.arena = arena;
    PathRun run = {.ctx = ctx, .arena = arena, .cache = &q->cache, .target = &q->target, .path = &q->path,
                   .vars = nargs > 2 ? &q->vars : NULL, .silent = nargs > 3 && args[3].b, .use_zone = use_zone};
    return jsonpath_run(&run, &q->found, &exists, &error);
}

static Status
query_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Query *q = state;
    int n = 0;
    for (; n < BATCH_ROWS && q->at < q->found.count; n++) {
        JsonbBuilder b = jsonb_builder(ctx, arena);
        TRY(jsonpath_push(&b, q->found.items[q->at++]));
        TRY(jsonb_finish(&b, (Str *)out[0]->data + n));
    }
    *n_out = n;
    return QN_OK;
}

#define QUERY(NAME, USE_ZONE)                                                                      \
    Status srf_##NAME##_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, \
                             void **state_out)                                                     \
    {                                                                                              \
        (void)arg_types;                                                                           \
        return query_open(ctx, arena, args, nargs, USE_ZONE, state_out);                           \
    }                                                                                              \
    Status srf_##NAME##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)        \
    {                                                                                              \
        return query_next(ctx, state, arena, out, n_out);                                          \
    }
QUERY(jsonb_path_query, false)
QUERY(jsonb_path_query_tz, true)
