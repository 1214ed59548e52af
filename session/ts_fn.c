/* ts_fn.c - full text functions that run a query given as text: ts_stat, and ts_rewrite by a table. */
#include "session/stmt.h"
#include "types/kernel.h"
#include "types/tsquery_tree.h"
#include <stdlib.h>

/* Runs the query, whose columns must be n of a type, and hands its rows on. */
static Status
run_query(Ctx *ctx, const Str *sql, Oid type, int n, const char *complaint, Status (*row)(Stmt *stmt, void *arg), void *arg)
{
    Session *s = session_of(ctx);
    Stmt *stmt = NULL;
    size_t consumed;
    bool has_row = true, fits = true;
    Status st;
    TRY(ctx_check_depth(ctx));
    TRY(stmt_prepare(s, str_data(sql), sql->len, &stmt, &consumed));
    if (stmt == NULL || stmt->is_utility) {
        stmt_destroy(stmt);
        return RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "%s", complaint);
    }
    stmt->is_exclusive = stmt->is_nested = true;
    stmt->sees_caller = true;
    TRY_GOTO(stmt_plan_nested(stmt));
    fits = stmt_column_count(stmt) == n;
    for (int c = 0; fits && c < n; c++) {
        int32_t typmod;
        fits = type_base(stmt_column_type(stmt, c, &typmod)) == type;
    }
    if (!fits) {
        st = RAISE(ctx, ERR_INVALID_PARAMETER_VALUE, "%s", complaint);
        goto done;
    }
    while (has_row) {
        TRY_GOTO(stmt_step(stmt, &has_row));
        if (has_row) TRY_GOTO(row(stmt, arg));
    }
done:
    if (st != QN_OK) stmt_stop(stmt);
    stmt_destroy(stmt);
    return st;
}

/* ---- ts_stat ---- */

typedef struct WordStat {
    const char *text;
    uint32_t nbytes;
    int32_t ndocs, nentries;
} WordStat;

typedef struct Stat {
    Ctx *ctx;
    Arena *arena;
    int weights; /* bits; 0: any */
    ARRAY(WordStat) words;
    int nmerged; /* of them sorted and each once; when as many came after, they are merged in */
    int next;
} Stat;

static int
compare_stats(const void *x, const void *y)
{
    const WordStat *a = x, *b = y;
    return ts_compare_text(a->text, a->nbytes, b->text, b->nbytes);
}

static void
merge_words(Stat *t)
{
    int n = 0;
    if (t->words.count > 1) qsort(t->words.items, (size_t)t->words.count, sizeof(WordStat), compare_stats);
    for (int i = 0; i < t->words.count; i++) {
        WordStat *w = &t->words.items[i];
        if (n > 0 && compare_stats(&t->words.items[n - 1], w) == 0) {
            t->words.items[n - 1].ndocs += w->ndocs;
            t->words.items[n - 1].nentries += w->nentries;
        } else {
            t->words.items[n++] = *w;
        }
    }
    t->words.count = t->nmerged = n;
}

static Status
add_document(Stmt *stmt, void *arg)
{
    Stat *t = arg;
    Value v;
    if (!stmt_value(stmt, 0, &v) || v.is_null) return QN_OK;
    TsVector d = tsvector_view(&v.str);
    for (uint32_t i = 0; i < d.n; i++) {
        TsLexeme l = tsvector_lexeme(&d, i);
        WordStat w = {NULL, l.nbytes, 1, 0};
        for (uint32_t k = 0; k < l.npos; k++) w.nentries += t->weights == 0 || (t->weights >> ts_weight(ts_u16(l.pos, k)) & 1) != 0;
        if (l.npos == 0 && t->weights == 0) w.nentries = 1;
        if (w.nentries == 0) continue;
        TRY_ALLOC(t->ctx, w.text, arena_strndup(t->arena, l.text, l.nbytes));
        TRY(array_push(t->ctx, t->arena, &t->words, w));
    }
    if (t->words.count > 2 * t->nmerged + 10000) merge_words(t);
    return QN_OK;
}

static Status
stat_open(Ctx *ctx, Arena *arena, const Value *args, bool has_weights, void **state_out)
{
    Stat *t;
    TRY_ALLOC(ctx, t, ARENA_NEW(arena, Stat));
    *state_out = t;
    t->ctx = ctx;
    t->arena = arena;
    if (args[0].is_null || (has_weights && args[1].is_null)) return QN_OK;
    for (uint32_t i = 0; has_weights && i < args[1].str.len; i++) {
        char c = ascii_upper(str_data(&args[1].str)[i]);
        if (c >= 'A' && c <= 'D') t->weights |= 1 << (3 - (c - 'A'));
    }
    TRY(run_query(ctx, &args[0].str, TYPE_TSVECTOR, 1, "ts_stat query must return one tsvector column", add_document, t));
    merge_words(t);
    return QN_OK;
}

static Status
stat_next(Ctx *ctx, Stat *t, Arena *arena, Vector **out, int *n_out)
{
    int n = 0;
    for (; n < BATCH_ROWS && t->next < t->words.count; n++) {
        const WordStat *w = &t->words.items[t->next++];
        TRY(str_copy(ctx, arena, w->text, w->nbytes, &((Str *)out[0]->data)[n]));
        ((int32_t *)out[1]->data)[n] = w->ndocs;
        ((int32_t *)out[2]->data)[n] = w->nentries;
    }
    *n_out = n;
    return QN_OK;
}

#define STAT_FUNCTION(NAME, HAS_WEIGHTS)                                                                                       \
    const char *const srf_##NAME##_names[] = {"word", "ndoc", "nentry"};                                                       \
    const Oid srf_##NAME##_types[] = {TYPE_TEXT, TYPE_INT4, TYPE_INT4};                                                        \
    Status srf_##NAME##_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)     \
    {                                                                                                                          \
        (void)nargs, (void)arg_types;                                                                                          \
        return stat_open(ctx, arena, args, HAS_WEIGHTS, state_out);                                                            \
    }                                                                                                                          \
    Status srf_##NAME##_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)                                    \
    {                                                                                                                          \
        return stat_next(ctx, state, arena, out, n_out);                                                                       \
    }
STAT_FUNCTION(ts_stat1, false)
STAT_FUNCTION(ts_stat2, true)

/* ---- ts_rewrite(query, text) ---- */

typedef struct RewriteRows {
    Ctx *ctx;
    Arena *arena;
    Str query;
} RewriteRows;

static Status
rewrite_by_row(Stmt *stmt, void *arg)
{
    RewriteRows *r = arg;
    Value target, with;
    if (!stmt_value(stmt, 0, &target) || target.is_null || !stmt_value(stmt, 1, &with) || with.is_null) return QN_OK;
    Str now = r->query, t, w; /* parts point into them */
    TRY(str_copy(r->ctx, r->arena, str_data(&target.str), target.str.len, &t));
    TRY(str_copy(r->ctx, r->arena, str_data(&with.str), with.str.len, &w));
    return ts_rewrite(r->ctx, r->arena, &now, &t, &w, &r->query);
}

Status
fn_tsquery_rewrite_query(KernelCall *call)
{
    ROWS(call, i) {
        RewriteRows r = {call->ctx, call->arena, ARG(call, 0, Str, i)};
        Str sql = ARG(call, 1, Str, i);
        TRY(run_query(call->ctx, &sql, TYPE_TSQUERY, 2, "ts_rewrite query must return two tsquery columns", rewrite_by_row, &r));
        OUT(call, Str, i) = r.query;
    }
    return QN_OK;
}
