/* tsvectorfn.c - kernels over documents. */
#include "types/array.h"
#include "types/kernel.h"
#include "types/ts.h"
#include "types/type_io.h"

#define DOCUMENT(call, a, i) tsvector_view(&((const Str *)(call)->args[a]->data)[arg_at((call)->args[a], i)])

static int
compare_strs(const Str *a, const Str *b)
{
    Value x = value_str(TYPE_TSVECTOR, *a), y = value_str(TYPE_TSVECTOR, *b);
    return tsvector_cmp(&x, &y);
}
ORDER_KERNELS(tsvector_, Str, compare_strs(&x, &y))

Status
fn_tsvector_length(KernelCall *call)
{
    ROWS(call, i) OUT(call, int32_t, i) = (int32_t)DOCUMENT(call, 0, i).n;
    return QN_OK;
}

/* The document's words, for tsvector_make; positions copied, so that they may be changed. */
static Status
to_words(Ctx *ctx, Arena *arena, const TsVector *v, TsWords *out)
{
    for (uint32_t i = 0; i < v->n; i++) {
        TsLexeme l = tsvector_lexeme(v, i);
        uint16_t *pos = NULL;
        if (l.npos > 0) TRY_ALLOC(ctx, pos, arena_memdup(arena, l.pos, (size_t)l.npos * 2));
        TsWord w = {l.text, l.nbytes, l.npos, pos};
        TRY(array_push(ctx, arena, out, w));
    }
    return QN_OK;
}

Status
fn_tsvector_strip(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        TsWords words = {0};
        TRY(to_words(call->ctx, call->arena, &v, &words));
        for (int k = 0; k < words.count; k++) words.items[k].npos = 0;
        TRY(tsvector_make(call->ctx, call->arena, words.items, words.count, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* The second document comes after the first: its places go on from there. */
Status
fn_tsvector_concat(KernelCall *call)
{
    ROWS(call, i) {
        TsVector a = DOCUMENT(call, 0, i), b = DOCUMENT(call, 1, i);
        TsWords words = {0};
        int last = 0;
        TRY(to_words(call->ctx, call->arena, &a, &words));
        for (int k = 0; k < words.count; k++)
            if (words.items[k].npos > 0) {
                int place = ts_place(words.items[k].pos[words.items[k].npos - 1]);
                last = place > last ? place : last;
            }
        int n = words.count;
        TRY(to_words(call->ctx, call->arena, &b, &words));
        for (int k = n; k < words.count; k++)
            for (uint32_t p = 0; p < words.items[k].npos; p++) {
                uint16_t *pos = (uint16_t *)(uintptr_t)words.items[k].pos;
                pos[p] = ts_pos(ts_place(pos[p]) + last, ts_weight(pos[p]));
            }
        TRY(tsvector_make(call->ctx, call->arena, words.items, words.count, &OUT(call, Str, i)));
    }
    return QN_OK;
}

static int
weight_of(char c)
{
    c = ascii_upper(c);
    return c >= 'A' && c <= 'D' ? 3 - (c - 'A') : -1;
}

/* The weight a "char" argument names. */
static Status
weight_argument(KernelCall *call, int row, int *out)
{
    Str s = ARG(call, 1, Str, row);
    char c = s.len > 0 ? *str_data(&s) : '\0';
    *out = weight_of(c);
    if (*out < 0) return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized weight: \"%c\"", c);
    return QN_OK;
}

static void
set_weight(TsWord *w, int weight)
{
    uint16_t *pos = (uint16_t *)(uintptr_t)w->pos;
    for (uint32_t p = 0; p < w->npos; p++) pos[p] = ts_pos(ts_place(pos[p]), weight);
}

Status
fn_tsvector_setweight(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        TsWords words = {0};
        int weight;
        TRY(weight_argument(call, i, &weight));
        TRY(to_words(call->ctx, call->arena, &v, &words));
        for (int k = 0; k < words.count; k++) set_weight(&words.items[k], weight);
        TRY(tsvector_make(call->ctx, call->arena, words.items, words.count, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* Marks the words that the array names; NULLs name none. */
static Status
mark_words(KernelCall *call, const Str *array, const TsVector *v, bool **out)
{
    ArrayView a;
    array_view(array, &a);
    TRY_ALLOC(call->ctx, *out, ARENA_ARRAY(call->arena, bool, v->n + 1));
    for (uint32_t k = 0; k < a.nelems; k++) {
        bool found;
        if (array_is_null(&a, k)) continue;
        Value e = array_element(&a, k);
        uint32_t at = tsvector_find(v, str_data(&e.str), e.str.len, &found);
        if (found) (*out)[at] = true;
    }
    return QN_OK;
}

Status
fn_tsvector_setweight_by_filter(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        TsWords words = {0};
        bool *marked;
        int weight;
        TRY(weight_argument(call, i, &weight));
        TRY(mark_words(call, &ARG(call, 2, Str, i), &v, &marked));
        TRY(to_words(call->ctx, call->arena, &v, &words));
        for (int k = 0; k < words.count; k++)
            if (marked[k]) set_weight(&words.items[k], weight);
        TRY(tsvector_make(call->ctx, call->arena, words.items, words.count, &OUT(call, Str, i)));
    }
    return QN_OK;
}

static Status
without_marked(KernelCall *call, int row, const TsVector *v, const bool *marked)
{
    TsWords words = {0};
    int n = 0;
    TRY(to_words(call->ctx, call->arena, v, &words));
    for (int k = 0; k < words.count; k++)
        if (!marked[k]) words.items[n++] = words.items[k];
    return tsvector_make(call->ctx, call->arena, words.items, n, &OUT(call, Str, row));
}

Status
fn_tsvector_delete_arr(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        bool *marked;
        TRY(mark_words(call, &ARG(call, 1, Str, i), &v, &marked));
        TRY(without_marked(call, i, &v, marked));
    }
    return QN_OK;
}

Status
fn_tsvector_delete_str(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        Str s = ARG(call, 1, Str, i);
        bool *marked, found;
        TRY_ALLOC(call->ctx, marked, ARENA_ARRAY(call->arena, bool, v.n + 1));
        uint32_t at = tsvector_find(&v, str_data(&s), s.len, &found);
        if (found) marked[at] = true;
        TRY(without_marked(call, i, &v, marked));
    }
    return QN_OK;
}

Status
fn_tsvector_filter(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        TsWords words = {0};
        ArrayView a;
        int mask = 0, n = 0;
        array_view(&ARG(call, 1, Str, i), &a);
        for (uint32_t k = 0; k < a.nelems; k++) {
            if (array_is_null(&a, k)) return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "weight array may not contain nulls");
            Value e = array_element(&a, k);
            char c = e.str.len > 0 ? *str_data(&e.str) : '\0';
            if (weight_of(c) < 0) return RAISE(call->ctx, ERR_INVALID_PARAMETER_VALUE, "unrecognized weight: \"%c\"", c);
            mask |= 1 << weight_of(c);
        }
        TRY(to_words(call->ctx, call->arena, &v, &words));
        for (int k = 0; k < words.count; k++) {
            TsWord w = words.items[k];
            uint16_t *pos = (uint16_t *)(uintptr_t)w.pos;
            uint32_t m = 0;
            for (uint32_t p = 0; p < w.npos; p++)
                if ((mask >> ts_weight(pos[p]) & 1) != 0) pos[m++] = pos[p];
            w.npos = m;
            if (m > 0) words.items[n++] = w;
        }
        TRY(tsvector_make(call->ctx, call->arena, words.items, n, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_tsvector_to_array(KernelCall *call)
{
    ROWS(call, i) {
        TsVector v = DOCUMENT(call, 0, i);
        ArrayBuilder b = array_builder(call->arena, TYPE_TEXT);
        for (uint32_t k = 0; k < v.n; k++) {
            TsLexeme l = tsvector_lexeme(&v, k);
            Value e = value_str(TYPE_TEXT, str_make(l.text, l.nbytes));
            TRY(array_add(call->ctx, &b, &e));
        }
        TRY(array_finish_1d(call->ctx, &b, &OUT(call, Str, i)));
    }
    return QN_OK;
}

Status
fn_array_to_tsvector(KernelCall *call)
{
    ROWS(call, i) {
        ArrayView a;
        TsWords words = {0};
        array_view(&ARG(call, 0, Str, i), &a);
        for (uint32_t k = 0; k < a.nelems; k++) {
            if (array_is_null(&a, k)) return RAISE(call->ctx, ERR_NULL_VALUE_NOT_ALLOWED, "lexeme array may not contain nulls");
            Value e = array_element(&a, k);
            char *text;
            if (e.str.len == 0)
                return RAISE(call->ctx, ERR_ZERO_LENGTH_CHARACTER_STRING, "lexeme array may not contain empty strings");
            if (e.str.len > TS_LEXEME_MAX)
                return RAISE(call->ctx, ERR_PROGRAM_LIMIT_EXCEEDED, "word is too long (%u bytes, max %d bytes)", e.str.len, TS_LEXEME_MAX);
            TRY_ALLOC(call->ctx, text, arena_strndup(call->arena, str_data(&e.str), e.str.len));
            TsWord w = {text, e.str.len, 0, NULL};
            TRY(array_push(call->ctx, call->arena, &words, w));
        }
        TRY(tsvector_make(call->ctx, call->arena, words.items, words.count, &OUT(call, Str, i)));
    }
    return QN_OK;
}

/* ---- unnest ---- */

typedef struct Unnest {
    Str document;
    uint32_t next;
} Unnest;

const char *const srf_tsvector_unnest_names[] = {"lexeme", "positions", "weights"};
const Oid srf_tsvector_unnest_types[] = {TYPE_TEXT, TYPE_INT2_ARRAY, TYPE_TEXT_ARRAY};

Status
srf_tsvector_unnest_open(Ctx *ctx, Arena *arena, const Value *args, int nargs, const Oid *arg_types, void **state_out)
{
    Unnest *u;
    Value copy;
    (void)nargs, (void)arg_types;
    TRY_ALLOC(ctx, u, ARENA_NEW(arena, Unnest));
    *state_out = u;
    if (args[0].is_null) {
        u->next = UINT32_MAX;
        return QN_OK;
    }
    TRY(value_copy(ctx, arena, &args[0], &copy));
    u->document = copy.str;
    return QN_OK;
}

static Status
put_positions(Ctx *ctx, Arena *arena, const TsLexeme *l, Vector **out, int row)
{
    ArrayBuilder places = array_builder(arena, TYPE_INT2), weights = array_builder(arena, TYPE_TEXT);
    if (l->npos == 0) {
        vec_set_null(out[1], row);
        vec_set_null(out[2], row);
        ((Str *)out[1]->data)[row] = ((Str *)out[2]->data)[row] = str_make("", 0);
        return QN_OK;
    }
    for (uint32_t k = 0; k < l->npos; k++) {
        uint16_t p = ts_u16(l->pos, k);
        Value place = value_null(TYPE_INT2), weight = value_str(TYPE_TEXT, str_make(&"DCBA"[ts_weight(p)], 1));
        place.is_null = false;
        place.phys = PHYS_I16;
        place.i16 = (int16_t)ts_place(p);
        TRY(array_add(ctx, &places, &place));
        TRY(array_add(ctx, &weights, &weight));
    }
    TRY(array_finish_1d(ctx, &places, &((Str *)out[1]->data)[row]));
    return array_finish_1d(ctx, &weights, &((Str *)out[2]->data)[row]);
}

Status
srf_tsvector_unnest_next(Ctx *ctx, void *state, Arena *arena, Vector **out, int *n_out)
{
    Unnest *u = state;
    int n = 0;
    *n_out = 0;
    if (u->next == UINT32_MAX) return QN_OK;
    TsVector v = tsvector_view(&u->document);
    for (; n < BATCH_ROWS && u->next < v.n; n++) {
        TsLexeme l = tsvector_lexeme(&v, u->next++);
        TRY(str_copy(ctx, arena, l.text, l.nbytes, &((Str *)out[0]->data)[n]));
        TRY(put_positions(ctx, arena, &l, out, n));
    }
    *n_out = n;
    return QN_OK;
}
